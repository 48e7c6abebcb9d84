"""References as the source writes them, made relative where they lead to the source itself (https://hl7.org/fhir/R4/references.html)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.contract import Resource
from adapters.fhir.page import ID

SUBJECTS: Final = ("subject", "patient", "beneficiary", "for", "individual")
_PORTS: Final = {"http": 80, "https": 443}
_VERSION: Final = "/_history/"


def base_of(url: str) -> str:
    """Return an address in the form in which two of the same place are equal: host in small letters, the usual port left out."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no address at all
        return url
    host = (parts.hostname or "") + (f":{port}" if port and port != _PORTS.get(parts.scheme) else "")
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def localise(resource: Resource, base: str, places: Mapping[str, str]) -> None:
    """Make the references of ``resource`` relative and without version where they lead to ``base`` or to one of ``places``.

    ``places`` are addresses of the same answer ("Type/id" by full URL). What leads to another server, or nowhere, stays as it is:
    the hub shows of it what is said besides.
    """
    for reference in references(resource):
        literal = str(reference["reference"])
        found = places.get(literal)
        if found is None and "://" in literal:
            found = base_of(literal).removeprefix(f"{base}/") if base else None
        if found is None or "://" in found:
            found = literal
        reference["reference"] = found if found.startswith("#") else found.partition(_VERSION)[0]


def references(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Yield every Reference below ``value`` that has a literal reference."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for each in value.values():
            yield from references(each)


def named(resources: Collection[Resource], types: Collection[str]) -> list[str]:
    """Return the relative references ("Type/id") of ``resources`` to objects of ``types``, each once."""
    found = (str(each["reference"]) for resource in resources for each in references(resource))
    return [each for each in dict.fromkeys(found) if _leads_to(each, types)]


def strangers(resources: Collection[Resource], patient: str) -> bool:
    """Tell whether one of ``resources`` is about another Patient of the source than the one with the id ``patient``."""
    about = (held.get("reference") for each in resources for name in SUBJECTS if isinstance(held := each.get(name), dict))
    return any(isinstance(each, str) and each.startswith("Patient/") and each != f"Patient/{patient}" for each in about)


def without_narrative(resource: Resource) -> Iterator[str]:
    """Take the narrative out of ``resource`` and of what it contains, and yield the paths at which it stood."""
    contained = resource.get("contained")
    for each in [resource, *(contained if isinstance(contained, list) else ())]:
        if isinstance(each, dict) and isinstance(each.get("text"), dict):
            del each["text"]
            yield f"{resource['resourceType']}.text" if each is resource else f"{resource['resourceType']}.contained.text"


def _leads_to(reference: str, types: Collection[str]) -> bool:
    type_, slash, id_ = reference.partition("/")
    return bool(slash) and type_ in types and bool(ID.fullmatch(id_))
