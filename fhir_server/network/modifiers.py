"""What changes the meaning of a resource in a way that is not known here: it is refused, since the server would decide by it.

https://hl7.org/fhir/R4/extensibility.html#modifierExtension and https://hl7.org/fhir/R4/resource.html#implicitRules. What is
known, and by which types the server decides, says ``profiles/modifiers.toml``.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

from fhir_server.errors import Issue, Unprocessable
from fhir_server.network.consent import is_network_consent

_RULES: Final = "The server does not know these rules, and without them it may misread the resource. Leave implicitRules out."
_MODIFIER: Final = (
    "The server does not know this modifier extension, and decides by resources of this type: it would do so without what the "
    "extension changes. Leave it out."
)

_OF_BUNDLE: Final = "The server does not know what this changes about what is to be done. Leave it out."
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Modifiers:
    """All of ``modifiers.toml``."""

    implicit_rules: frozenset[str]
    extensions: frozenset[str]
    types: frozenset[str]


@cache
def modifiers() -> Modifiers:
    """Return what ``profiles/modifiers.toml`` says, read once."""
    given = tomllib.loads((files("profiles") / "modifiers.toml").read_text(encoding="utf-8"))
    return Modifiers(**{name: frozenset(values) for name, values in given.items()})


def check(resource: Mapping[str, Any]) -> None:
    """Raise Unprocessable for what changes the meaning of ``resource``, which is valid FHIR R4, in a way that is not known."""
    issues = list(islice(faults(resource), _MOST))
    if issues:
        raise Unprocessable("the meaning is changed in a way that is not known", issues=issues)


def faults(resource: Mapping[str, Any]) -> Iterator[Issue]:
    """Yield what changes the meaning of ``resource`` in a way that is not known, with its place."""
    type_ = str(resource["resourceType"])
    decided = type_ in modifiers().types and (type_ != "Consent" or is_network_consent(resource))
    yield from _in(resource, type_, decided=decided)


def check_bundle(bundle: Mapping[str, Any]) -> None:
    """Raise Unprocessable for what changes the meaning of a batch or transaction, apart from the resources in it."""
    parts: list[tuple[str, Any]] = [("Bundle", bundle)]
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        place = f"Bundle.entry[{index}]"
        parts += [(place, entry), (f"{place}.request", entry.get("request") if isinstance(entry, dict) else None)]
    issues = [
        Issue("not-supported", _OF_BUNDLE, f"{place}.{name}", detail=detail)
        for place, part in parts
        if isinstance(part, dict)
        for name, detail in (("implicitRules", "unknown-implicit-rules"), ("modifierExtension", "unknown-modifier"))
        if name in part
    ]
    if issues:
        raise Unprocessable("the meaning of the Bundle is changed in a way that is not known", issues=issues[:_MOST])


def _in(element: Mapping[str, Any], path: str, *, decided: bool) -> Iterator[Issue]:
    if "resourceType" in element and _has_rules(element):
        yield Issue("not-supported", _RULES, f"{path}.implicitRules", detail="unknown-implicit-rules")
    for name, value in element.items():
        for place, each in _each(value, f"{path}.{name}"):
            if name == "modifierExtension" and decided and each.get("url") not in modifiers().extensions:
                yield Issue("not-supported", _MODIFIER, place, detail="unknown-modifier")
            yield from _in(each, place, decided=decided)


def _has_rules(resource: Mapping[str, Any]) -> bool:
    has = "implicitRules" in resource or "_implicitRules" in resource
    return has and resource.get("implicitRules") not in modifiers().implicit_rules


def _each(value: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        yield from ((f"{path}[{index}]", each) for index, each in enumerate(value) if isinstance(each, dict))
