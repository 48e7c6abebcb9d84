"""The table of decisions: who asks what, in which state of the client's choices, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from consents import ANY, HUB, KVK, NATIONAL, NETWORK_ROLE, PURPOSES, SOCIAL, TYPES, URA, UZI, consent, provision, to, verification

from fhir_server.access.break_glass import decide_in_emergency
from fhir_server.access.consent import Decision, Item, Request, decide, with_holder
from fhir_server.network.consent import rules
from fhir_server.search.values import Range, instant
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
    "REP": Request(
        ("RelatedPerson/rep",),
        "related-person",
        "",
        "",
        NOW,
        teams=("CareTeam/ct",),
        team_functions=(f"{NETWORK_ROLE}|informal-carer",),
    ),
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
            team_functions=(f"{UZI}|30.076",) if name == "W1" else (),
        )
        for name, organisation, kinds, functions, member in (
            ("D1", "ha", (f"{TYPES}|Z3",), (f"{UZI}|01.015",), True),
            ("A1", "ap", (f"{TYPES}|J8",), (f"{UZI}|17.000",), True),
            ("V1", "tz", (f"{TYPES}|T2",), (f"{UZI}|30.000",), True),
            ("W1", "gm", None, None, True),
            ("S1", "zh", (f"{TYPES}|V4",), (f"{UZI}|01.010",), False),
            ("D2", "ha2", (f"{TYPES}|Z3",), (f"{UZI}|01.015",), False),
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


TREAT = ("TREAT",)


def choice(type_: str, *recipients: str, id_: str = "c9", holders: Sequence[Any] = (HUB,), **more: Any) -> dict[str, Any]:
    purposes = more.pop("purposes", TREAT if type_ == "permit" else ())
    return consent(provision(type_, *recipients, purposes=purposes, **more), id_, holders)


CT, GM, Z3 = "CareTeam/ct", "Organization/gm", f"{TYPES}|Z3"
TEAM = choice("permit", CT, id_="team")
CARER = f"{NETWORK_ROLE}|informal-carer"
FAR_OFF = (f"{URA}|99999999",)
EXCEPTED = choice("deny", exceptions=(provision("permit", "Practitioner/v1", purposes=TREAT),))
MORE = [
    Row("the client reads by right", [], "P", "PATRQT", "Condition", "HA", "self"),
    Row("also what is denied to everyone", [choice("deny")], "P", "PATRQT", "message", "hub", "self"),
    # Recipients.
    Row("type of organisation", [choice("permit", Z3)], "D2", "TREAT", "message", "hub", "permit-role"),
    Row("another type", [choice("permit", Z3)], "S1", "TREAT", "message", "hub", "default-closed"),
    Row("type unknown: a permit", [choice("permit", Z3)], "W1", "TREAT", "message", "hub", "default-closed"),
    Row("type unknown: a denial", [choice("deny", Z3)], "W1", "TREAT", "message", "hub", "explicit-deny"),
    Row("no type: a denial", [TEAM, choice("deny", Z3)], "N", "TREAT", "message", "hub", "permit-careteam"),
    Row("function", [choice("permit", f"{UZI}|01.015")], "D1", "TREAT", "message", "hub", "permit-role"),
    Row("another function", [choice("permit", f"{UZI}|01.015")], "V1", "TREAT", "message", "hub", "default-closed"),
    Row("function in the team", [choice("permit", f"{UZI}|30.076")], "W1", "TREAT", "message", "hub", "permit-role"),
    Row(
        "it denies too",
        [TEAM, choice("deny", f"{UZI}|30.076", categories=("message",))],
        "W1",
        "TREAT",
        "message",
        "hub",
        "tie-deny",
    ),
    Row("of a carer", [choice("permit", CARER)], "REP", "TREAT", "message", "hub", "permit-role"),
    Row(
        "not of another carer",
        [choice("permit", CARER)],
        "N",
        "TREAT",
        "message",
        "hub",
        "default-closed",
    ),
    Row("organisation", [choice("permit", "Organization/tz")], "V1", "TREAT", "message", "hub", "permit-organisation"),
    Row("person", [choice("permit", "RelatedPerson/n")], "N", "TREAT", "message", "hub", "permit-person"),
    Row("everyone is denied", [TEAM, choice("deny")], "V1", "TREAT", "message", "hub", "permit-careteam"),
    Row("everyone else", [TEAM, choice("deny")], "D2", "TREAT", "message", "hub", "explicit-deny"),
    Row(
        "person above organisation",
        [choice("permit", "Practitioner/w1", id_="a"), choice("deny", GM, purposes=TREAT)],
        "W1",
        "TREAT",
        "message",
        "hub",
        "permit-person",
    ),
    Row("organisation above team", [TEAM, choice("deny", GM, purposes=TREAT)], "W1", "TREAT", "message", "hub", "explicit-deny"),
    Row(
        "organisation above team, to permit",
        [choice("deny", CT), choice("permit", GM, id_="a")],
        "W1",
        "TREAT",
        "message",
        "hub",
        "permit-organisation",
    ),
    Row(
        "team against type",
        [TEAM, choice("deny", f"{TYPES}|T2", categories=("message",))],
        "V1",
        "TREAT",
        "message",
        "hub",
        "tie-deny",
    ),
    Row("an exception that permits", [EXCEPTED], "V1", "TREAT", "message", "hub", "permit-person"),
    Row("and nobody else", [EXCEPTED], "D1", "TREAT", "message", "hub", "explicit-deny"),
    # Incomparable: each is the more specific one somewhere.
    Row(
        "person against category",
        [choice("permit", "Practitioner/v1", id_="a"), choice("deny", CT, categories=("message",))],
        "V1",
        "TREAT",
        "message",
        "hub",
        "tie-deny",
    ),
    # Holders.
    Row("hub only, unless named", [TEAM], "V1", "TREAT", "MedicationUse", "AP", "default-closed"),
    Row("another holder", [choice("permit", CT, holders=FAR_OFF)], "V1", "TREAT", "MedicationUse", "AP", "default-closed"),
    Row(
        "holders by type",
        [choice("permit", CT, custodians=(f"{TYPES}|J8",))],
        "V1",
        "TREAT",
        "MedicationUse",
        "AP",
        "permit-careteam",
    ),
    Row(
        "not of that type", [choice("permit", CT, custodians=(f"{TYPES}|J8",))], "V1", "TREAT", "Condition", "HA", "default-closed"
    ),
    Row(
        "holder's type unknown",
        [choice("permit", CT, custodians=(f"{TYPES}|J8",))],
        "V1",
        "TREAT",
        "Episode",
        "GM",
        "default-closed",
    ),
    Row(
        "holder's type unknown: a denial",
        [choice("permit", CT, id_="a", holders=(ANY,)), choice("deny", CT, custodians=(f"{TYPES}|J8",))],
        "V1",
        "TREAT",
        "Episode",
        "GM",
        "tie-deny",
    ),
    Row("every holder", [choice("permit", CT, holders=(ANY,))], "V1", "TREAT", "Condition", "HA", "permit-careteam"),
    Row(
        "one holder above every holder",
        [choice("permit", CT, id_="a", holders=(ANY,)), choice("deny", CT, purposes=TREAT, holders=(f"{URA}|90000001",))],
        "V1",
        "TREAT",
        "Condition",
        "HA",
        "explicit-deny",
    ),
    Row(
        "one holder above its type",
        [
            choice("deny", CT, purposes=TREAT, custodians=(f"{TYPES}|J8",)),
            choice("permit", CT, id_="a", holders=(f"{URA}|90000002",)),
        ],
        "V1",
        "TREAT",
        "MedicationUse",
        "AP",
        "permit-careteam",
    ),
    # Purposes.
    Row("unknown purpose: a permit", [TEAM], "V1", "", "message", "hub", "purpose-mismatch"),
    Row("unknown purpose: a denial", [choice("deny", CT, purposes=("BTG",))], "V1", "", "message", "hub", "explicit-deny"),
    Row(
        "a denial for another purpose",
        [TEAM, choice("deny", CT, purposes=("BTG",))],
        "V1",
        "TREAT",
        "message",
        "hub",
        "permit-careteam",
    ),
    Row("a permit without purpose", [choice("permit", CT, purposes=())], "V1", "TREAT", "message", "hub", "consent-withdrawn"),
    Row("a permit without recipient", [choice("permit")], "V1", "TREAT", "message", "hub", "consent-withdrawn"),
    # Versions and states.
    Row(
        "a draft replaces nothing",
        [TEAM, {**TEAM, "id": "b", "status": "draft"}],
        "V1",
        "TREAT",
        "message",
        "hub",
        "permit-careteam",
    ),
    Row(
        "nor does what was proposed",
        [TEAM, {**TEAM, "id": "b", "status": "proposed"}],
        "V1",
        "TREAT",
        "message",
        "hub",
        "permit-careteam",
    ),
    Row(
        "an error is skipped",
        [TEAM, {**TEAM, "id": "b", "status": "entered-in-error"}],
        "V1",
        "TREAT",
        "message",
        "hub",
        "permit-careteam",
    ),
    Row(
        "a refusal replaces",
        [TEAM, {**TEAM, "id": "b", "status": "rejected"}],
        "V1",
        "TREAT",
        "message",
        "hub",
        "consent-withdrawn",
    ),
    Row("a new choice replaces", [choice("deny", id_="team"), TEAM], "V1", "TREAT", "message", "hub", "permit-careteam"),
    Row("only with the same identifier", [TEAM, choice("deny", CT, purposes=TREAT)], "V1", "TREAT", "message", "hub", "tie-deny"),
    Row(
        "without a mandate it replaces nothing",
        [TEAM, {**TEAM, "id": "b", "status": "inactive", "performer": [{"reference": "RelatedPerson/n"}]}],
        "V1",
        "TREAT",
        "message",
        "hub",
        "permit-careteam",
    ),
    Row("another kind of consent", [{**TEAM, "category": TEAM["category"][:1]}], "V1", "TREAT", "message", "hub", "default-closed"),
]


def test_no_row_of_the_table_is_left_out() -> None:
    """Of the twelve, break-glass and the holder's denial have tests of their own."""
    assert {int(row.number.rstrip("ab")) for row in ROWS} | {11, 12} == set(range(1, 13))


@pytest.mark.parametrize("row", [*ROWS, *MORE], ids=lambda row: row.number)
def test_row(row: Row) -> None:
    found: Decision = decide(row.asked(), flat(*row.state))
    assert (found.permit, found.reasons[0]) == (row.reason.startswith("permit") or row.reason == "self", row.reason)


def test_row_11_break_glass() -> None:
    asked = replace(Row("11", [C0], "D2", "BTG", "Condition", "HA", "btg").asked(), functions=(f"{UZI}|01.015",))
    for each in (asked, replace(asked, category=f"{NATIONAL}|MedicationUse", holder=HOLDERS["AP"][0])):
        found = decide_in_emergency(each, flat(C0), "Bewusteloos gevonden")
        assert (found.permit, found.reasons[0], found.until - NOW) == (True, "btg", 3_600_000_000)
        assert {"notify-client", "review-task"} <= set(found.obligations)
    refused = flat(C0, choice("deny", id_="no", purposes=("BTG",), holders=(ANY,)))
    assert decide_in_emergency(asked, refused, "Bewusteloos gevonden").reasons == ("btg-refused",)


def test_row_12_the_holder_denies() -> None:
    own = [decide(Row("12", [C0], "A1", "TREAT", "MedicationRequest", each, "").asked(), flat(C0)) for each in ("HA", "TZ")]
    found = [with_holder(each, permits=permits) for each, permits in zip(own, (False, True), strict=True)]
    assert [(each.permit, each.reasons[0]) for each in found] == [(False, "holder-deny"), (True, "permit-careteam")]


@pytest.mark.parametrize(
    ("at", "permit"),
    [
        ("2026-03-28T23:59:59.999+01:00", False),
        ("2026-03-29T00:00:00+01:00", True),
        ("2026-10-25T02:30:00+02:00", True),
        ("2026-10-25T02:30:00+01:00", True),
        ("2026-10-25T23:59:59.999999+01:00", True),
        ("2026-10-25T23:00:00Z", False),
        ("2026-10-26T00:00:00+01:00", False),
    ],
)
def test_days_are_whole_days_in_the_netherlands_also_when_the_clock_changes(at: str, *, permit: bool) -> None:
    state = choice("permit", CT, period=("2026-03-29", "2026-10-25"))
    asked = replace(Row("", [], "V1", "TREAT", "message", "hub", "").asked(), at=instant(at))
    found = decide(asked, flat(state))
    assert (found.permit, found.reasons[0]) == (permit, "permit-careteam" if permit else "consent-expired")


def test_a_decision_ends_with_the_period() -> None:
    state = choice("permit", CT, period=("2026-01-01", "2026-06-01T10:00:30+02:00"))
    asked = Row("", [], "V1", "TREAT", "message", "hub", "").asked()
    assert decide(asked, flat(state)).until == NOW + 31_000_000
    assert decide(replace(asked, at=NOW - 60_000_000), flat(state)).until == NOW


@pytest.mark.parametrize(
    ("actions", "permitted"),
    [((), {"access", "correct", "disclose"}), (("access",), {"access"}), (("access", "disclose"), {"access", "disclose"})],
)
def test_actions(actions: tuple[str, ...], permitted: set[str]) -> None:
    asked = Row("", [], "V1", "TREAT", "message", "hub", "").asked()
    state = flat(choice("permit", CT, actions=actions))
    assert {each for each in ("access", "correct", "disclose") if decide(replace(asked, action=each), state).permit} == permitted


BY_D1 = (("authoredby", "Practitioner/d1"),)
RECENT = Range(instant("2026-05-01"), instant("2026-05-02"))


@pytest.mark.parametrize(
    ("stated", "item", "permit"),
    [
        ({"data": (("instance", "Communication/1"),)}, Item("Communication/1"), True),
        ({"data": (("instance", "Communication/1"),)}, Item("Communication/2"), False),
        ({"data": BY_D1}, Item(authors=("Practitioner/d1",)), True),
        ({"data": BY_D1}, Item(authors=("Practitioner/a1",)), False),
        (
            {"data": (("instance", "Communication/1"), ("authoredby", "Practitioner/d1"))},
            Item("x", authors=("Practitioner/d1",)),
            True,
        ),
        ({"data": BY_D1}, Item(authors=("PractitionerRole/r", "Practitioner/d1")), True),
        ({"data": (("authoredby", "PractitionerRole/r"),)}, Item(authors=("PractitionerRole/r", "Practitioner/d1")), False),
        ({"data": BY_D1}, Item(authors=("",)), False),
        ({"data": (("dependents", "CommunicationRequest/1"),)}, Item("CommunicationRequest/1"), True),
        ({"data": (("dependents", "CommunicationRequest/1"),)}, Item("Task/1", refers=("CommunicationRequest/1",)), True),
        ({"data": (("dependents", "CommunicationRequest/1"),)}, Item("Task/1", refers=("CommunicationRequest/2",)), False),
        ({"data": (("related", "Communication/1"),)}, Item("Communication/1"), False),
        ({"label": "N"}, Item(labels=("N",)), True),
        ({"label": "N"}, Item(labels=("L",)), True),
        ({"label": "N"}, Item(labels=("R",)), False),
        ({"label": "N"}, Item(), False),
        ({"about": ("2026-05-01", "2026-05-01")}, Item(dates=RECENT), True),
        ({"about": ("2026-05-02", "")}, Item(dates=RECENT), False),
        ({"about": ("2026-05-02", "")}, Item(), False),
        ({"exceptions": (provision("deny", data=(("instance", "Communication/1"),)),)}, Item("Communication/1"), False),
        ({"exceptions": (provision("deny", data=(("instance", "Communication/1"),)),)}, Item("Communication/2"), True),
        ({"exceptions": (provision("deny", data=(("related", "Communication/1"),)),)}, Item("Communication/2"), False),
        ({"exceptions": (provision("deny", data=BY_D1),)}, Item(authors=("Practitioner/a1",)), True),
        (
            {"exceptions": (provision("deny", data=BY_D1),)},
            Item(authors=("Practitioner/d1",)),
            False,
        ),
        ({"exceptions": (provision("deny", data=BY_D1),)}, Item(authors=("", "x")), False),
        ({"exceptions": (provision("deny", data=(("dependents", "Task/1"),)),)}, Item("Task/2", refers=()), True),
        ({"exceptions": (provision("deny", data=(("dependents", "Task/1"),)),)}, Item("Task/2", refers=("Task/1",)), False),
        ({"exceptions": (provision("deny", label="R"),)}, Item(labels=("V",)), False),
        ({"exceptions": (provision("deny", label="R"),)}, Item(labels=("N",)), True),
        ({"exceptions": (provision("deny", label="R"),)}, Item(), False),
        ({"label": "R", "exceptions": (provision("deny", categories=("message",)),)}, Item(labels=("N",)), False),
        ({"exceptions": (provision("deny", about=("2026-05-02", "")),)}, Item(dates=RECENT), True),
        ({"exceptions": (provision("deny", about=("2026-05-01", "")),)}, Item(dates=RECENT), False),
    ],
)
def test_parts_of_the_data(stated: dict[str, Any], item: Item, *, permit: bool) -> None:
    asked = replace(Row("", [], "V1", "TREAT", "message", "hub", "").asked(), item=item)
    assert decide(asked, flat(choice("permit", CT, **stated))).permit == permit


def test_a_mandate_that_ended_later_voids_nothing() -> None:
    by_carer = {**TEAM, "performer": [{"reference": "RelatedPerson/rep"}]}
    asked = Row("", [], "V1", "TREAT", "message", "hub", "").asked()
    for period, permit in (
        ({"start": "2025-01-01", "end": "2026-02-01"}, True),
        ({"end": "2026-01-01"}, True),
        ({"end": "2025-12-31"}, False),
        ({"start": "2026-01-02"}, False),
    ):
        assert decide(asked, flat({**by_carer, "verification": [verification(period=period)]})).permit == permit


def test_what_a_choice_names_in_ways_that_are_not_understood_opens_nothing_and_closes() -> None:
    asked = Row("", [], "V1", "TREAT", "message", "hub", "").asked()
    strange: list[dict[str, Any]] = [
        {"class": [{"code": "message"}]},
        {"purpose": [{"system": "https://x.example", "code": "TREAT"}]},
        {"securityLabel": [{"code": "N"}]},
        {"action": [{"text": "look"}]},
        {"actor": [to("Group/g")]},
        {"actor": [to("CareTeam/ct", "PRCP")]},
        {"actor": [to("Practitioner/v1"), to("Organization/hub", "CST")]},
        {"data": [{"meaning": "instance", "reference": {"display": "x"}}]},
    ]
    item = Item("Communication/1", ("N",), ("Practitioner/d1",), RECENT)
    for each in strange:
        permit = consent({"type": "permit", "actor": [to(CT)], "purpose": [{"system": PURPOSES, "code": "TREAT"}], **each}, "a")
        deny = consent({"type": "deny", "actor": [to("Practitioner/v1")], **each}, "b")
        assert not decide(replace(asked, item=item), flat(permit)).permit, each
        assert not decide(replace(asked, item=item), flat(TEAM, deny)).permit, each


@pytest.mark.parametrize("limit", ["code", "modifierExtension"])
def test_a_permit_with_a_limit_that_no_rule_can_say_permits_nothing(limit: str) -> None:
    asked = Row("", [], "V1", "TREAT", "message", "hub", "").asked()
    assert not decide(asked, flat(choice("permit", CT, **{limit: [{"url": "https://x.example"}]}))).permit
    assert not decide(asked, flat(TEAM, choice("deny", CT, purposes=TREAT, **{limit: [{"url": "https://x.example"}]}))).permit
