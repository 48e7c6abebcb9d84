"""The table of decisions: who asks what, in which state of the client's choices, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from consents import HUB, KVK, NATIONAL, SOCIAL, TYPES, URA, consent, provision

from fhir_server.access.consent import Decision, Request, decide
from fhir_server.network.consent import rules
from fhir_server.search.values import instant
from fhir_server.storage.consent_rule import HUB as OWN_DOSSIER
from fhir_server.storage.consent_rule import Rule

BASE = "https://hub.test/fhir"
NOW = instant("2026-06-01T10:00:00+02:00")
MEDICAL = ("Condition", "MedicationUse", "MedicationRequest", "AllergyIntolerance", "ObservationActivity", "Procedure", "Encounter")
HOLDERS = {
    "hub": ((OWN_DOSSIER,), ()),
    "HA": ((f"{URA}|90000001",), (f"{TYPES}|Z3",)),
    "AP": ((f"{URA}|90000002",), (f"{TYPES}|J8",)),
    "TZ": ((f"{URA}|90000003",), (f"{TYPES}|T2",)),
    "GM": ((f"{KVK}|12345678",), None),
}
PEOPLE = {
    "P": Request(("Patient/p",), "patient", "", "", NOW, teams=("CareTeam/ct",), is_self=True),
    "REP": Request(("RelatedPerson/rep",), "related-person", "", "", NOW, teams=("CareTeam/ct",)),
    "N": Request(("RelatedPerson/n",), "related-person", "", "", NOW, teams=("CareTeam/ct",)),
    "X": Request(("RelatedPerson/x",), "related-person", "", "", NOW, ended_teams=("CareTeam/ct",)),
    **{
        name: Request(
            (f"Practitioner/{name.lower()}",),
            "practitioner",
            "",
            "",
            NOW,
            organisations=(f"Organization/{organisation}",),
            kinds=kinds,
            functions=functions,
            teams=("CareTeam/ct",) if member else (),
        )
        for name, organisation, kinds, functions, member in (
            ("D1", "ha", (f"{TYPES}|Z3",), ("01.015",), True),
            ("A1", "ap", (f"{TYPES}|J8",), ("17.000",), True),
            ("V1", "tz", (f"{TYPES}|T2",), ("30.000",), True),
            ("W1", "gm", None, None, True),
            ("S1", "zh", (f"{TYPES}|V4",), ("01.010",), False),
            ("D2", "ha2", (f"{TYPES}|Z3",), ("01.015",), False),
        )
    },
}
C0 = consent(
    provision(
        "permit",
        "CareTeam/ct",
        purposes=("TREAT", "CAREMGT"),
        period=("2026-01-01", "2027-12-31"),
        exceptions=(
            provision("deny", "Organization/gm", categories=("Condition",)),
            provision("deny", "RelatedPerson/n", categories=MEDICAL),
        ),
    ),
    holders=(HUB, *(name for names, _ in list(HOLDERS.values())[1:] for name in names)),
)
C1A = consent(
    provision("permit", "CareTeam/ct", purposes=("TREAT",), categories=("MedicationUse",)), "c1a", holders=(f"{URA}|90000002",)
)
C1B = consent(
    provision("deny", "CareTeam/ct", purposes=("TREAT",), categories=("MedicationUse",)),
    "c1b",
    holders=(f"{URA}|90000002",),
    dateTime="2025-01-01T09:00:00+01:00",
)


@dataclass(frozen=True)
class Row:
    number: str
    state: Sequence[dict[str, Any]]
    who: str
    purpose: str
    category: str
    holder: str
    reason: str

    def asked(self) -> Request:
        names, kinds = HOLDERS[self.holder]
        category = f"{SOCIAL if self.category.islower() else NATIONAL}|{self.category}"
        return replace(PEOPLE[self.who], purpose=self.purpose, category=category, holder=names, holder_kinds=kinds)


def flat(*consents: dict[str, Any]) -> tuple[Rule, ...]:
    return tuple(rule for made, each in enumerate(consents) for rule in rules(each, BASE, made, 1))


ROWS = [
    Row("1", [C0], "V1", "TREAT", "MedicationUse", "AP", "permit-careteam"),
    Row("2", [C0], "W1", "CAREMGT", "Condition", "HA", "exception-deny"),
    Row("3", [C0], "W1", "CAREMGT", "Episode", "TZ", "permit-careteam"),
    Row("4a", [C0], "N", "CAREMGT", "MedicationUse", "AP", "exception-deny"),
    Row("4b", [C0], "N", "FAMRQT", "message", "hub", "purpose-mismatch"),
    Row("5", [C0], "N", "CAREMGT", "message", "hub", "permit-careteam"),
    Row("6", [C0], "D2", "TREAT", "Condition", "HA", "default-closed"),
    Row("7", [C0], "X", "CAREMGT", "message", "hub", "membership-ended"),
    Row("8", [C0, {**C0, "status": "inactive"}], "V1", "TREAT", "MedicationUse", "AP", "consent-withdrawn"),
    Row("9", [], "V1", "TREAT", "MedicationUse", "AP", "default-closed"),
    Row("10", [C1A, C1B], "V1", "TREAT", "MedicationUse", "AP", "tie-deny"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_row(row: Row) -> None:
    found: Decision = decide(row.asked(), flat(*row.state))
    assert (found.permit, found.reasons[0]) == (row.reason.startswith("permit") or row.reason == "self", row.reason)
