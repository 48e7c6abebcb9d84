"""Identifiers against the rules of their systems (``profiles/identifiers.toml``): what breaks one is warned of, never refused."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server.errors import Issue
from fhir_server.model.bsn import is_bsn
from profiles.identifiers import Rule, rules

_OF_A_REFERENCE: Final = frozenset({"id", "extension", "reference", "type", "identifier", "display"})


def broken(resource: Mapping[str, Any]) -> list[Issue]:
    """Return a warning, with the place and without the value, for each identifier in ``resource`` that breaks a rule.

    Of an identifier in a reference it counts which type the reference names; of any other which resource it is in, as long as it
    is the resource's own. ``resource`` is valid FHIR R4, with its numbers as they were sent.
    """
    type_ = str(resource["resourceType"])
    return list(_in(resource, type_, type_))


def _in(element: Mapping[str, Any], path: str, bears: str) -> Iterator[Issue]:
    """``bears`` is the type that an identifier right in ``element`` would be of, "" when nothing says so."""
    for name, value in element.items():
        for place, each in _each(value, f"{path}.{name}"):
            if name.endswith("dentifier"):  # also valueIdentifier, groupIdentifier
                yield from _broken(each, place, bears if name == "identifier" else "")
            yield from _in(each, place, _type_of(each))


def _each(value: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        yield from ((f"{path}[{index}]", each) for index, each in enumerate(value) if isinstance(each, dict))


def _type_of(element: Mapping[str, Any]) -> str:
    if "resourceType" in element:
        return str(element["resourceType"])
    named = element.get("type")
    return named if isinstance(named, str) and element.keys() <= _OF_A_REFERENCE else ""


def _broken(identifier: Mapping[str, Any], place: str, type_: str) -> Iterator[Issue]:
    rule = rules().get(identifier.get("system", ""))
    if rule is None:
        return
    value = identifier.get("value")
    if isinstance(value, str) and not _is_written_so(rule, value):
        text = f"{rule.name}: this is not {rule.form}. It was stored as it is; correct it."
        yield Issue("value", text, f"{place}.value", "warning", "identifier-form")
    if type_ and rule.types and type_ not in rule.types:
        text = f"{rule.name}: this belongs on {', '.join(rule.types)}. It was stored as it is; move it, or correct its system."
        yield Issue("business-rule", text, f"{place}.system", "warning", "identifier-place")


def _is_written_so(rule: Rule, value: str) -> bool:
    fits = rule.pattern is None or rule.pattern.fullmatch(value) is not None
    return fits and (not rule.eleven or is_bsn(value))
