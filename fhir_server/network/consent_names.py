"""What a NetworkConsent may name, read from ``profiles/consent``: categories, purposes, holders, recipients, labels."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

CANONICAL: Final = "https://netwerkdossier.example/fhir"
PROFILE: Final = f"{CANONICAL}/StructureDefinition/network-consent"
MANDATE: Final = f"{CANONICAL}/StructureDefinition/mandate"
CATEGORY: Final = (f"{CANONICAL}/CodeSystem/consent-category", "network-dossier")
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
RECIPIENT, CUSTODIAN = "IRCP", "CST"

_CODE_SYSTEMS: Final = ("data-category", "nl-gf-data-categories-cs")


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that ``names.toml`` and the code systems of data categories list; ``categories`` maps a code to its system."""

    kinds: frozenset[str]
    functions: frozenset[str]
    own_holders: str
    holders: frozenset[str]
    purposes: Mapping[str, frozenset[str]]
    actions: Mapping[str, frozenset[str]]
    label_system: str
    labels: tuple[str, ...]
    categories: Mapping[str, str]
    mandates: frozenset[str]


@cache
def names() -> Names:
    """Return what a NetworkConsent may name."""
    table = tomllib.loads(_text("names.toml"))
    return Names(
        kinds=frozenset(table["recipients"]["kinds"]),
        functions=frozenset(table["recipients"]["functions"]),
        own_holders=table["holders"]["own"],
        holders=frozenset(table["holders"]["identifiers"]),
        purposes={system: frozenset(codes) for system, codes in table["purposes"].items()},
        actions={system: frozenset(codes) for system, codes in table["actions"].items()},
        label_system=table["labels"]["system"],
        labels=tuple(table["labels"]["order"]),
        categories={code: system for name in _CODE_SYSTEMS for system, code in _codes(name)},
        mandates=frozenset(code for _, code in _codes("mandate")),
    )


def category(code: str) -> str:
    """Return a data category of the catalogue as a rule names it, "system|code"; KeyError when there is no such category."""
    return f"{names().categories[code]}|{code}"


def _codes(name: str) -> list[tuple[str, str]]:
    code_system = json.loads(_text(f"CodeSystem-{name}.json"))
    return [(code_system["url"], concept["code"]) for concept in code_system["concept"]]


def _text(name: str) -> str:
    return files("profiles").joinpath("consent", name).read_text(encoding="utf-8")
