"""The References inside a resource (https://hl7.org/fhir/R4/references.html)."""

from collections.abc import Iterator

Reference = dict[str, object]


def references(value: object) -> Iterator[Reference]:
    """Yield every Reference below ``value`` that has a literal reference or an identifier of what it refers to.

    In R4 no element but Reference has a string ``reference``; a Reference with an identifier only is known by the identifier
    being a single object beside ``type`` or ``display``.
    """
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        if is_reference(value):
            yield value
        for each in value.values():
            yield from references(each)


def is_reference(value: Reference) -> bool:
    """Tell whether a JSON object is a Reference."""
    if isinstance(value.get("reference"), str):
        return True
    return isinstance(value.get("identifier"), dict) and value.keys() <= {"identifier", "type", "display", "extension", "id"}
