"""The operations of ``operations.toml``: what each takes, and its definition.

https://hl7.org/fhir/R4/operationdefinition.html
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

DEFINITIONS: Final = "https://netwerkdossier.example/fhir/OperationDefinition/"
ALLOWED: Final = "http://hl7.org/fhir/StructureDefinition/operationdefinition-allowed-type"
_STRUCTURES: Final = "http://hl7.org/fhir/StructureDefinition/"
_PART, _ANY = "part", "Element"
Json = dict[str, Any]


@cache
def _operations() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("profiles") / "operations.toml").read_text(encoding="utf-8"))


def codes() -> frozenset[str]:
    """Return the codes of the operations, without the dollar sign."""
    return frozenset(_operations())


def types_of(code: str) -> tuple[str, ...]:
    """Return the types on one of whose resources ``code`` is called; () for the whole system. Raises KeyError."""
    return tuple(_operations()[code]["on"])


def takes(code: str) -> tuple[str, ...]:
    """Return the names of the parameters that ``code`` takes, in order. Raises KeyError."""
    return tuple(_operations()[code]["in"])


@cache
def definitions() -> Mapping[str, Json]:
    """Return the OperationDefinition of each operation, by its code."""
    return {code: _definition(code, told) for code, told in _operations().items()}


def _definition(code: str, told: Mapping[str, Any]) -> Json:
    on = told["on"]
    made: Json = {
        "resourceType": "OperationDefinition",
        "id": code,
        "url": f"{DEFINITIONS}{code}",
        "name": "".join(word.capitalize() for word in code.split("-")),
        "title": told["title"],
        "status": "active",
        "kind": "operation",
        "description": told["description"],
        "affectsState": told["changes"],
        "code": code,
        **({"base": told["base"]} if "base" in told else {}),
        **({"resource": list(on)} if on else {}),
        "system": not on,
        "type": told.get("of_type", False),
        "instance": bool(on),
    }
    parameters = [each for use in ("in", "out") for each in _parameters(told[use], use)]
    return made | ({"parameter": parameters} if parameters else {})


def _parameters(told: Mapping[str, list[str]], use: str, group: str = "") -> Iterator[Json]:
    for name, (types, cardinality, documentation) in told.items():
        before, _, own = name.rpartition(".")
        if before != group:
            continue
        low, _, high = cardinality.partition("..")
        made: Json = {"name": own, "use": use, "min": int(low), "max": high, "documentation": documentation}
        several = types.split("|")
        if types == _PART:
            yield made | {"part": list(_parameters(told, use, name))}
        elif len(several) > 1:
            yield {"extension": [{"url": ALLOWED, "valueUri": _STRUCTURES + each} for each in several], **made, "type": _ANY}
        else:
            yield made | {"type": types}
