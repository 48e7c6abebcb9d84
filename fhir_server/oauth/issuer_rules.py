"""The part of ``issuers.toml`` that says how claims are read: role, holder, scopes, patient, purpose, organisation."""

from collections.abc import Iterable, Mapping
from typing import Final

from fhir_server.access.actor import ROLES, person
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Unauthorized
from fhir_server.model.reference import parse
from fhir_server.oauth.issuer_claims import Choice, ClaimRules, Pointer
from fhir_server.oauth.issuer_table import InvalidIssuers, Table
from fhir_server.oauth.paths import Path

_TYPES: Final = {"practitioner": "Practitioner", "related-person": "RelatedPerson", "patient": "Patient"}


def read_rules(table: Table) -> ClaimRules:
    """Read how the claims of an issuer are mapped; raises InvalidIssuers."""
    role = _choice(table, "role")
    roles = {role.fixed} if role.fixed else set(role.values.values())
    if not roles or roles - set(ROLES):
        raise table.wrong("role", f"must give one of {', '.join(ROLES)}: a string, or a table with claim and values")
    return ClaimRules(
        role=role,
        holders=_holders(table, roles),
        scopes=_scopes(table),
        patient=_pointer(table, "patient", "Patient"),
        purpose=_choice(table, "purpose"),
        reason=table.path("reason"),
        organisation=_pointer(table, "organisation", "Organization"),
        equal=_equal(table),
    )


def _equal(table: Table) -> tuple[tuple[Path, Path], ...]:
    pairs = table.raw("equal")
    if pairs is None:
        return ()
    if not isinstance(pairs, list) or not all(isinstance(each, list) and len(each) == 2 for each in pairs):  # noqa: PLR2004 - a pair
        raise table.wrong("equal", 'must be pairs of claims, such as [["certificate.ura", "organization_ura"]]')
    found = (Table(f"{table.name}.equal", {"one": one, "other": other}) for one, other in pairs)
    return tuple((each.path("one"), each.path("other")) for each in found)


def _choice(table: Table, key: str) -> Choice:
    if not isinstance(table.raw(key), dict):
        return Choice(fixed=table.text(key))
    below = _below(table, key)
    found = Choice(claim=below.path("claim"), values=below.words("values"))
    if not found.claim or not found.values:
        raise table.wrong(key, "must be a string, or a table with claim (a path) and values (what each of its values means)")
    below.done()
    return found


def _holders(table: Table, roles: Iterable[str]) -> Mapping[str, Pointer]:
    below = _below(table, "holder")
    found: dict[str, Pointer] = {}
    for role in sorted(roles):
        pointer = _pointer(below, role, _TYPES.get(role, ""))
        if pointer is None:
            raise below.wrong(role, "is missing: it says which claim names the holder of a token with this role")
        if pointer.fixed:
            _fitting(below, role, pointer.fixed)
        found[role] = pointer
    below.done()
    return found


def _fitting(table: Table, role: str, reference: str) -> None:
    try:
        person(reference, next(each for each in ROLES if each == role))
    except Unauthorized as error:
        raise table.wrong(role, "names somebody that does not fit the role") from error


def _pointer(table: Table, key: str, type_: str) -> Pointer | None:
    if isinstance(table.raw(key), str):
        if parse(table.text(key)) is None:
            raise table.wrong(key, "must be a reference of the form Type/id, or a table")
        return Pointer(type_, fixed=table.text(key))
    below = table.below(key)
    if below is None:
        return None
    found = Pointer(
        type=below.text("type", type_),
        reference=below.path("reference"),
        identifier=below.path("identifier"),
        system=below.text("system"),
    )
    if bool(found.reference) == bool(found.identifier):
        raise table.wrong(key, "must have either reference or identifier: the claim with a FHIR reference, or with an identifier")
    if bool(found.identifier) != bool(found.system) or (found.identifier and not found.type):
        raise table.wrong(key, "must have system (and type) with identifier, and only then: within which system the value counts")
    below.done()
    return found


def _scopes(table: Table) -> Mapping[str, str] | None:
    if "scopes" not in table:
        table.raw("scopes")
        return None
    found = table.words("scopes")
    if wrong := sorted(word for word, scopes in found.items() if len(parse_scopes(scopes)) != len(scopes.split())):
        raise table.wrong(f"scopes.{wrong[0]}", "must be SMART scopes, such as user/*.rs")
    return found


def _below(table: Table, key: str) -> Table:
    below = table.below(key)
    if below is None:
        raise InvalidIssuers(f"[{table.name}] {key} is missing")
    return below
