"""The roles of people in a client's network (https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant.role).

Who may have and give which stands in ``profiles/network/roles.toml``.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any, Final, Literal, get_args

from fhir_server.errors import Unprocessable
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.period import lasting
from fhir_server.search.values import Range

Directing = Literal["client", "representative", "coordinator", "system"]
"""As what somebody directs a network."""
DIRECTING: Final[tuple[Directing, ...]] = get_args(Directing)
DIRECTOR, STAND_IN = "director", "stand-in"


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who may have a role (``functions``: "system|code" or "system|*"; None: everybody), and who may give it."""

    functions: frozenset[str] | None = None
    granted_by: frozenset[str] = frozenset(DIRECTING)
    single: bool = False
    delegated: bool = False

    def fits(self, functions: Collection[str]) -> bool:
        """Tell whether somebody with these ``functions`` ("system|code") may have the role."""
        known = self.functions
        return known is None or any(each in known or f"{each.partition('|')[0]}|*" in known for each in functions)


@dataclass(frozen=True, slots=True)
class NetworkRoles:
    """All of ``roles.toml``; ``days`` and ``most`` are how long an invitation stands, usually and at most.

    ``waiting`` is how many invitations to one network can wait at a time.
    """

    system: str
    roles: Mapping[str, RoleRule]
    days: int
    most: int
    waiting: int
    identifiers: frozenset[str]
    email: str
    managers: frozenset[str]
    relationship: str
    policy: str
    purposes: Mapping[str, tuple[str, ...]]

    def codes(self, roles: object) -> tuple[str, ...]:
        """Return the codes of our own among ``roles``, a list of CodeableConcepts."""
        concepts = [each for each in roles if isinstance(each, Mapping)] if isinstance(roles, list) else []
        codings = (coding for each in concepts for coding in listed(each, "coding") if coding.get("system") == self.system)
        return tuple(dict.fromkeys(text(each, "code") for each in codings))

    def concept(self, code: str) -> dict[str, Any]:
        """Return a role of our own as a CodeableConcept."""
        return {"coding": [{"system": self.system, "code": code}]}


@cache
def network_roles() -> NetworkRoles:
    """Read the file; raises ValueError or KeyError when it is not as it must be."""
    given = tomllib.loads((files("profiles") / "network" / "roles.toml").read_text(encoding="utf-8"))
    invitation = given["invitation"]
    return NetworkRoles(
        system=given["system"],
        roles={code: _rule(each) for code, each in given["roles"].items()},
        days=invitation["days"],
        most=invitation["most"],
        waiting=invitation["waiting"],
        identifiers=frozenset((*invitation["identifiers"], invitation["email"])),
        email=invitation["email"],
        managers=frozenset(given["organisation"]["managers"]),
        relationship=invitation["relationship"],
        policy=given["consent"]["policy"],
        purposes={type_: tuple(each) for type_, each in given["consent"]["purposes"].items()},
    )


def _rule(given: Mapping[str, Any]) -> RoleRule:
    granted = frozenset(given.get("granted_by", DIRECTING))
    if granted - frozenset(DIRECTING):
        raise ValueError(f"roles.toml: nobody directs as {', '.join(sorted(granted - frozenset(DIRECTING)))}")
    functions = frozenset(given["functions"]) if "functions" in given else None
    return RoleRule(functions, granted, given.get("single", False), given.get("delegated", False))


def check(careteam: Mapping[str, Any], base: str = "") -> None:
    """Raise Unprocessable when two people have, at one time, a role in ``careteam`` that one has (second-director)."""
    if text(careteam, "status") != "active":
        return
    for code, rule in network_roles().roles.items():
        if rule.single:
            for (first, one), (second, other) in combinations(_holders(careteam, code, base), 2):
                if first != second and max(one.low, other.low) < min(one.high, other.high):
                    text_ = f"A network has one {code} at a time. End the period of the one before the other begins."
                    raise Unprocessable(text_, expression="CareTeam.participant.role", detail=f"second-{code}")


def holders(careteam: Mapping[str, Any], code: str, at: int, base: str = "") -> tuple[str, ...]:
    """Return who ("Type/id") has the role ``code`` at the instant ``at``."""
    return tuple(dict.fromkeys(who for who, during in _holders(careteam, code, base) if during.low <= at < during.high))


def _holders(careteam: Mapping[str, Any], code: str, base: str) -> Iterator[tuple[str, Range]]:
    for each in listed(careteam, "participant"):
        if code in network_roles().codes(each.get("role")):
            yield literal(mapped(each, "member"), base), lasting(each.get("period"))
