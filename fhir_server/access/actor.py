"""Who asks: the actor that a verified access token names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from fhir_server.access.factors import require_factors
from fhir_server.access.scope import Scope, parse_scopes
from fhir_server.errors import Unauthorized
from fhir_server.model import reference

Role = Literal["system", "practitioner", "related-person", "patient", "source", "pgo", "operator", "privacy-officer"]
ROLES: tuple[Role, ...] = get_args(Role)

PURPOSES: Mapping[str, str] = {
    "practitioner": "TREAT",
    "patient": "PATRQT",
    "related-person": "PATRQT",
    "pgo": "PATRQT",
    "privacy-officer": "HCOMPL",
}
"""The purpose of who names none."""

_SECOND: Final = 1_000_000
_PERSONS: Mapping[str, frozenset[str]] = {
    "practitioner": frozenset({"Practitioner", "PractitionerRole"}),
    "privacy-officer": frozenset({"Practitioner", "PractitionerRole"}),
    "related-person": frozenset({"RelatedPerson"}),
    "patient": frozenset({"Patient"}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller for one request.

    ``reference`` is "Type/id"; ``people`` are all references that are this same person; ``patient`` is the reference ("Patient/id")
    of the one patient that the token is bound to, or ""; ``reason`` is given with purpose BTG only; ``token`` is the token's id and
    ``client`` the software that got it.

    ``organisation`` is the one that the token names. ``organisations`` ("Organization/id") are those that the store knows the
    person to work for now, by a role there or by a network in which the person takes part on their behalf, ``left`` those of
    before; ``kinds`` are the types of the former and ``functions`` the codes of the person's roles there, both as "system|code".
    ``teams`` ("CareTeam/id") are the teams of organisations that the person is in. ``addresses`` are the identifiers
    ("system|value") by which the person can be invited to a network. ``authenticated`` is when they logged in (microseconds), 0
    where the token does not say. ``service`` ("provider/id") is the data service of MedMij through which a PGO collects, "" for all
    other requests.
    """

    reference: str
    role: Role
    scopes: tuple[Scope, ...]
    patient: str = ""
    purpose: str = ""
    reason: str = ""
    organisation: str = ""
    people: tuple[str, ...] = ()
    token: str = ""
    client: str = ""
    organisations: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    authenticated: int = 0
    service: str = ""

    @property
    def is_client(self) -> bool:
        """Whether it is the client of care who asks: in person, or through the PGO that collects in the client's name."""
        return self.role == "patient" or (self.role == "pgo" and bool(self.service))

    @property
    def type(self) -> str:
        """The resource type of ``reference``."""
        return self.reference.partition("/")[0]

    @property
    def view(self) -> str:
        """What the token lets this person see of what they may see: answers that were begun with one view end with no other."""
        return " ".join(
            (
                self.reference,
                self.role,
                self.patient,
                self.purpose,
                *((self.service,) if self.service else ()),
                *sorted(f"{each.level}/{each.type}.{each.letters}" for each in self.scopes),
            )
        )


def local_system() -> Actor:
    """Return the actor of every request while authentication is switched off (loopback only)."""
    return Actor("Device/local", "system", parse_scopes("system/*.cruds"), purpose="TREAT", people=("Device/local",))


def from_claims(claims: Mapping[str, Any]) -> Actor:
    """Read the actor from verified claims; ``fhirUser`` (or ``sub``) may be relative or below the audience.

    Raises Unauthorized (token-claims) when the role is unknown, does not fit the reference, or a claim has another type than text,
    and (token-factors) when the role needs more than one factor than the token tells of.
    """
    role = role_of(_text(claims, "role"))
    require_factors(role, claims.get("amr"))
    who = person(_text(claims, "fhirUser") or _text(claims, "sub"), role, _base(claims))
    patient = _text(claims, "patient")
    if patient and not reference.LOGICAL_ID.fullmatch(patient):
        raise refused("The claim patient is no logical id.")
    return Actor(
        reference=who,
        role=role,
        scopes=parse_scopes(_text(claims, "scope")),
        patient=f"Patient/{patient}" if patient else "",
        purpose=_text(claims, "purpose"),
        reason=_text(claims, "btg_reason"),
        organisation=_text(claims, "organization"),
        people=(who,),
        token=_text(claims, "jti"),
        client=_text(claims, "client_id"),
        authenticated=log_in(claims),
    )


def log_in(claims: Mapping[str, Any]) -> int:
    """Return when the holder of a token logged in (microseconds), 0 where it does not say; raises Unauthorized (token-claims)."""
    seconds = claims.get("auth_time")
    if seconds is None:
        return 0
    if type(seconds) is not int or seconds < 0:
        raise refused("The claim auth_time is no number of seconds.")
    return seconds * _SECOND


def role_of(name: str) -> Role:
    """Return ``name`` as a role; raises Unauthorized when there is no such role."""
    for role in ROLES:
        if role == name:
            return role
    raise refused(f"The claim role is none of {', '.join(ROLES)}.")


def person(text: str, role: Role, base: str = "") -> str:
    """Return the reference in ``text`` as "Type/id"; raises Unauthorized when it is none, or does not fit ``role``."""
    found = reference.parse(text, base)
    if found is None or found.version:
        raise refused("The claim fhirUser (or sub) is no reference of the form Type/id.")
    if found.type not in _PERSONS.get(role, {found.type}):
        raise refused(f"The role {role} does not fit the type of the claim fhirUser (or sub).")
    return str(found)


def refused(text: str) -> Unauthorized:
    """Return the error for a token whose claims make no actor."""
    error = Unauthorized(text, detail="token-claims")
    error.headers = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    return error


def gone() -> Unauthorized:
    """Return the error for a person who does not take part any more: no token lets them in."""
    error = Unauthorized("The person of this access token is not active here any more.", detail="person-left")
    error.headers = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    return error


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise refused(f"The claim {name} is no text.")
    return value


def _base(claims: Mapping[str, Any]) -> str:
    audience = claims.get("aud")
    return audience if isinstance(audience, str) else ""
