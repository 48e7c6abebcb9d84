"""One element of a differential: which steps lead to it, and what it says (https://hl7.org/fhir/R4/elementdefinition.html)."""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.validation.snapshot.node import Facts, SnapshotError

_SAID: Final = ("min", "max", "type", "binding", "maxLength", "isModifier")
_VALUES: Final = ("fixed", "pattern", "minValue", "maxValue")


def steps_of(element: Mapping[str, Any], url: str) -> list[tuple[str, str]]:
    """Return the (name, slice) pairs from the root to ``element``; the slice is "" where it is none. Raises SnapshotError."""
    path, id_ = element.get("path"), element.get("id")
    if not isinstance(path, str) or not path:
        raise SnapshotError(f"{url} has an element without a path")
    names = path.split(".")[1:]
    if isinstance(id_, str) and len(found := [_pair(each) for each in id_.split(".")[1:]]) == len(names):
        return found
    slices = [""] * len(names)
    if slices:
        slices[-1] = str(element.get("sliceName", ""))
    return list(zip(names, slices, strict=True))


def _pair(part: str) -> tuple[str, str]:
    name, _, slice_ = part.partition(":")
    return name, slice_


def facts_of(element: Mapping[str, Any]) -> Facts:
    """Return what ``element`` says, of what the validation carries out."""
    facts = {key: element[key] for key in _SAID if key in element}
    facts |= {key: value for key, value in element.items() if key.startswith(_VALUES)}
    if isinstance(slicing := element.get("slicing"), dict):
        facts["slicing"] = {key: value for key, value in slicing.items() if key != "description"}
    constraints = [each for each in element.get("constraint", ()) if isinstance(each, dict) and "key" in each]
    if constraints:
        facts["constraint"] = {each["key"]: each for each in constraints}
    return facts
