"""What a role does not get of a resource that it may read (AVG article 5.1c), as ``profiles/left-out.toml`` says."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from fhir_server.access.actor import Actor
from fhir_server.access.minimal import minimal

Signs = tuple[tuple[bytes, tuple[bytes, ...]], ...]
"""By which bytes JSON shows that it may hold something: a type, and elements of it."""
Elements = Mapping[str, frozenset[str]]
"""Names of elements, those of a choice without their type, by the type of resource."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``roles`` do not get ``elements`` of ``type``; with ``outside_care`` professionals of care providers do."""

    type: str
    elements: frozenset[str]
    roles: frozenset[str]
    outside_care: bool = False


@cache
def rules() -> tuple[Rule, ...]:
    """Read the file; raises ValueError or KeyError when it is not as it must be."""
    given = tomllib.loads((files("profiles") / "left-out.toml").read_text(encoding="utf-8"))
    return tuple(
        Rule(each["type"], frozenset(each["elements"]), frozenset(each["roles"]), each.get("outside_care", False))
        for each in given["rule"]
    )


class LeftOut(NamedTuple):
    """What somebody does not get, and how JSON shows that it may hold such."""

    elements: Elements
    signs: Signs


def left_out(actor: Actor) -> LeftOut:
    """Return what ``actor`` does not get."""
    return left_out_of(actor.role, actor.kinds)


@lru_cache(maxsize=1024)
def left_out_of(role: str, kinds: tuple[str, ...]) -> LeftOut:
    """Return what somebody in ``role`` does not get who works for organisations of ``kinds`` ("system|code")."""
    care = role == "practitioner" and minimal().is_care(kinds)
    found: dict[str, frozenset[str]] = {}
    for rule in rules():
        if role in rule.roles and not (care and rule.outside_care):
            found[rule.type] = found.get(rule.type, frozenset()) | rule.elements
    signs = ((f'"{type_}"'.encode(), tuple(_beginnings(names))) for type_, names in found.items())
    return LeftOut(found, tuple(signs))


def _beginnings(elements: Iterable[str]) -> Iterator[bytes]:
    """Yield how JSON begins a member that ``is_left_out``."""
    for each in elements:
        yield from (f'"{each}'.encode(), f'"_{each}'.encode())


def is_left_out(member: str, elements: Iterable[str]) -> bool:
    """Tell whether ``member`` of a resource is among ``elements``, in whatever type, or what stands beside one (``_birthDate``)."""
    name = member.removeprefix("_")
    return any(name == each or (name.startswith(each) and name[len(each) :][:1].isupper()) for each in elements)
