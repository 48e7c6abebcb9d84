"""Required bindings of a profile: the code must be from the value set, as far as that can be told here."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server.validation.packaged.codes import Known, Membership, any_of
from fhir_server.validation.packaged.item import Item

_ABSENT: Final = (
    "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
    "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor",
)


def bound(item: Item, member: Membership) -> Known:
    """Tell whether what ``item`` codes is in the value set of ``member``; what says why it is absent need not be."""
    if _is_absent(item.shadow) or (isinstance(item.value, dict) and _is_absent(item.value)):
        return True
    if isinstance(item.value, str):
        return member(None, item.value)
    if not isinstance(item.value, dict):
        return True
    codings = list(_codings(item.value, item.type))
    if any(_is_absent(each) or _is_absent(each.get("_code")) for each in codings):
        return True
    return any_of(_coded(each, member) for each in codings)


def _codings(value: Mapping[str, Any], type_: str) -> Iterator[Mapping[str, Any]]:
    if type_ == "CodeableConcept" or (not type_ and "coding" in value):
        yield from (each for each in value.get("coding", ()) if isinstance(each, dict))
    else:
        yield value


def _coded(coding: Mapping[str, Any], member: Membership) -> Known:
    code, system = coding.get("code"), coding.get("system")
    if not isinstance(code, str) or not isinstance(system, str):
        return False
    return member(system, code)


def _is_absent(element: Mapping[str, Any] | None) -> bool:
    return element is not None and any(each.get("url") in _ABSENT for each in element.get("extension", ()))
