"""Who may break the glass, what stays closed, and what must follow."""

from dataclasses import replace

import pytest

from fhir_server.access.break_glass import BreakGlass, BreakGlassError, break_glass, decide_in_emergency, read
from fhir_server.access.consent import Item, Request, decide, with_holder
from fhir_server.search.rows import LATEST
from fhir_server.storage.consent_rule import UNKNOWN, Rule

GP = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode|01.015"
WHY = "Bewusteloos op straat gevonden"
NOW = 1_000_000_000
ASKED = Request(("Practitioner/d2",), "practitioner", "BTG", "s|Condition", NOW, functions=(GP,), holder=("ura|1",))
DENY = Rule("Patient/p", "c|1", 1, "deny", "Consent/1", recipient="", holders=("ura|1",))
MINUTE = 60_000_000


def test_a_doctor_sees_for_an_hour_and_it_is_told() -> None:
    found = decide_in_emergency(ASKED, (), WHY)
    assert (found.permit, found.reasons, found.until) == (True, ("btg",), NOW + 60 * MINUTE)
    assert found.obligations == ("notify-client", "notify-privacy-officer", "review-task")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"functions": ()}, WHY, id="no function"),
        pytest.param({"functions": None}, WHY, id="unknown function"),
        pytest.param({"functions": ("http://fhir.nl/fhir/NamingSystem/uzi-rolcode|30.000",)}, WHY, id="function not qualified"),
        pytest.param({"role": "related-person"}, WHY, id="carer"),
        pytest.param({"role": "patient"}, WHY, id="another client"),
        pytest.param({"action": "disclose"}, WHY, id="forward"),
        pytest.param({"action": "correct"}, WHY, id="write"),
        pytest.param({}, "", id="no reason"),
        pytest.param({}, "a        \t      \n     b", id="white space is no reason"),
    ],
)
def test_who_may_not(change: dict[str, object], reason: str) -> None:
    found = decide_in_emergency(replace(ASKED, **change), (), reason)  # type: ignore[arg-type]
    assert (found.permit, found.reasons, found.obligations) == (False, ("btg-not-qualified",), ())


def test_it_overrules_what_consent_and_holder_say() -> None:
    assert not decide(ASKED, [DENY]).permit
    found = decide_in_emergency(ASKED, (DENY,), WHY)
    assert found.permit
    assert with_holder(found, permits=False) == found


@pytest.mark.parametrize("purposes", [("BTG",), ("TREAT", "BTG"), (UNKNOWN,)])
def test_a_client_can_refuse_it_in_advance(purposes: tuple[str, ...]) -> None:
    refusal = replace(DENY, purposes=purposes)
    found = decide_in_emergency(ASKED, (refusal,), WHY)
    assert (found.permit, found.reasons, found.rules) == (False, ("btg-refused",), (refusal,))


def test_a_permit_does_not_take_a_refusal_away() -> None:
    permit = replace(
        DENY, choice="c|2", effect="permit", purposes=("BTG",), recipient="Practitioner/d2", instances=("Condition/1",)
    )
    assert not decide_in_emergency(ASKED, (replace(DENY, purposes=("BTG",)), permit), WHY).permit


def test_a_refusal_that_is_withdrawn_or_about_others_does_not_count() -> None:
    refusal = replace(DENY, purposes=("BTG",))
    withdrawn = replace(refusal, effect="none", made=2)
    for rules in ((refusal, withdrawn), (replace(refusal, holders=("ura|2",)),), (replace(refusal, ends=NOW),)):
        assert decide_in_emergency(ASKED, rules, WHY).permit


def test_what_is_very_restricted_stays_closed() -> None:
    asked = [replace(ASKED, item=Item(labels=(label,))) for label in ("N", "R", "V")]
    assert [decide_in_emergency(each, (), WHY).reasons for each in asked] == [("btg",), ("btg",), ("btg-label",)]


def test_a_refusal_of_one_item_is_left_for_the_items() -> None:
    refusal = replace(DENY, purposes=("BTG",), instances=("Condition/1",))
    found = decide_in_emergency(ASKED, (refusal,), WHY)
    assert (found.permit, found.residual) == (True, (refusal,))
    items = [replace(ASKED, item=Item(reference=each)) for each in ("Condition/1", "Condition/2", "")]
    assert [decide_in_emergency(each, (refusal,), WHY).permit for each in items] == [False, True, False]


def test_it_lasts_no_longer_than_the_standing_of_who_asks() -> None:
    assert decide_in_emergency(replace(ASKED, standing_ends=NOW + 5), (), WHY).until == NOW + 5


def test_without_the_purpose_it_is_a_request_like_any_other() -> None:
    asked = replace(ASKED, purpose="TREAT")
    assert decide_in_emergency(asked, (DENY,), WHY) == decide(asked, (DENY,))


def test_other_settings() -> None:
    settings = BreakGlass(frozenset({"s|nurse"}), 5, 1, ("tell",))
    found = decide_in_emergency(replace(ASKED, functions=("s|nurse",)), (), "x", settings)
    assert (found.permit, found.until, found.obligations) == (True, min(NOW + 5 * MINUTE, LATEST), ("tell",))
    assert GP in break_glass().functions


@pytest.mark.parametrize(
    "text",
    [
        "minutes = ",
        "minutes = 60",
        'minutes = 0\nreason_length = 1\nobligations = []\n[[qualified]]\nsystem = "s"\ncodes = ["c"]',
        "minutes = 1\nreason_length = 1\nobligations = []\nqualified = []",
        'minutes = 1\nreason_length = 1\nobligations = []\n[[qualified]]\nsystem = "s"',
    ],
)
def test_settings_that_are_refused(text: str) -> None:
    with pytest.raises(BreakGlassError, match=r"break-glass\.toml"):
        read(text)
