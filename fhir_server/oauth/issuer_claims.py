"""From the claims of another issuer to an actor of this server, as the issuer's table says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fhir_server.access.actor import PURPOSES, Actor, from_claims
from fhir_server.errors import Forbidden
from fhir_server.model import reference
from fhir_server.oauth.paths import Path, text_at, texts_at, words_at
from fhir_server.oauth.refusal import refused

# The resources ("Type/id") of a type that carry an identifier: type, system, value.
Resolve = Callable[[str, str, str], Awaitable[tuple[str, ...]]]
_SEVERAL: Final = frozenset({"RelatedPerson"})  # one person may be several of these, and only of these


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that is ``fixed``, or what ``values`` makes of the claim at ``claim``."""

    fixed: str = ""
    claim: Path = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def of(self, claims: Mapping[str, Any], name: str) -> str:
        """Return the value; raises Unauthorized (token-claims) unless the claim stands for exactly one."""
        if self.fixed or not self.claim:
            return self.fixed
        told = {*texts_at(claims, self.claim), *words_at(claims, self.claim)}
        found = {self.values[each] for each in told if each in self.values}
        if len(found) != 1:
            raise refused(
                "token-claims", f"The access token says no {name}, or several, in the claim that its issuer is trusted for."
            )
        return found.pop()


@dataclass(frozen=True, slots=True)
class Pointer:
    """Somebody of this server: ``fixed`` ("Type/id"), the claim with a ``reference``, or the claim with an ``identifier``.

    An identifier is a value within ``system``, or "system|value" with that same system; looked up among the resources of ``type``.
    """

    type: str = ""
    fixed: str = ""
    reference: Path = ()
    identifier: Path = ()
    system: str = ""

    async def of(self, claims: Mapping[str, Any], base: str, resolve: Resolve) -> tuple[str, ...]:
        """Return the references, none when the claim is absent; raises Forbidden (token-holder) when nobody is found."""
        if self.fixed:
            return (self.fixed,)
        text = text_at(claims, self.reference or self.identifier)
        if not text:
            return ()
        return (self._referred(text, base),) if self.reference else await self._identified(text, resolve)

    def _referred(self, text: str, base: str) -> str:
        if self.type == "Patient" and reference.LOGICAL_ID.fullmatch(text):
            return f"Patient/{text}"  # as SMART names the patient of a launch
        found = reference.parse(text, base)
        if found is None or found.version or (self.type and found.type != self.type):
            raise refused("token-claims", "A claim of the access token is no reference of the form Type/id that fits.")
        return str(found)

    async def _identified(self, text: str, resolve: Resolve) -> tuple[str, ...]:
        system, bar, value = text.rpartition("|")
        if (bar and system != self.system) or not value.strip():
            raise refused("token-claims", "A claim of the access token holds an identifier of another system.")
        found = await resolve(self.type, self.system, value)
        if not found or (len(found) > 1 and self.type not in _SEVERAL):
            text_ = f"The access token's identifier belongs to no {self.type} here, or to several."
            raise Forbidden(text_, detail="token-holder")  # the token is good: another one would say the same
        return found


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """How the claims of one issuer are read. ``holders`` has a pointer for each role that ``role`` can give.

    ``scopes`` gives the SMART scopes for each word of the claim ``scope``; None: the words are SMART scopes themselves.
    ``equal`` are pairs of claims that say the same, or are both not there.
    """

    role: Choice
    holders: Mapping[str, Pointer]
    scopes: Mapping[str, str] | None = None
    patient: Pointer | None = None
    purpose: Choice = field(default_factory=Choice)
    reason: Path = ()
    organisation: Pointer | None = None
    equal: tuple[tuple[Path, Path], ...] = ()

    def require_equal(self, claims: Mapping[str, Any]) -> None:
        """Raise Unauthorized (token-claims) where two claims that must say the same differ, or one of them is not there."""
        for one, other in self.equal:
            if {*texts_at(claims, one)} != {*texts_at(claims, other)}:
                raise refused("token-claims", "Two claims of the access token that must say the same do not.")


async def actor_of(claims: Mapping[str, Any], rules: ClaimRules, base: str, token: str, resolve: Resolve) -> Actor:
    """Return the actor; ``token`` is the token's id, ``base`` ours. Raises Unauthorized, Forbidden: token-claims, token-holder."""
    rules.require_equal(claims)
    role = rules.role.of(claims, "role")
    people = await rules.holders[role].of(claims, base, resolve)
    if not people:
        raise refused("token-holder", "The access token does not name its holder in the claim that its issuer is trusted for.")
    purpose = rules.purpose.of(claims, "purpose") or PURPOSES.get(role, "")
    reason = text_at(claims, rules.reason) if rules.reason else ""
    if (purpose == "BTG") != bool(reason):
        raise refused("token-claims", "The purpose BTG (breaking the glass) and a reason go together: both, or neither.")
    actor = from_claims(
        {
            "sub": people[0],
            "role": role,
            "scope": _scopes(claims, rules.scopes),
            "patient": (await _one(rules.patient, claims, base, resolve)).removeprefix("Patient/"),
            "purpose": purpose,
            "btg_reason": reason,
            "organization": await _one(rules.organisation, claims, base, resolve),
            "client_id": text_at(claims, ("client_id",)) or text_at(claims, ("azp",)),
            "jti": token,
            "amr": [*texts_at(claims, ("amr",))],
            **({"auth_time": claims["auth_time"]} if "auth_time" in claims else {}),
        }
    )
    return replace(actor, people=people)


async def _one(pointer: Pointer | None, claims: Mapping[str, Any], base: str, resolve: Resolve) -> str:
    found = await pointer.of(claims, base, resolve) if pointer else ()
    return found[0] if found else ""


def _scopes(claims: Mapping[str, Any], scopes: Mapping[str, str] | None) -> str:
    words = words_at(claims, ("scope",))
    return " ".join(words if scopes is None else [scopes[word] for word in words if word in scopes])
