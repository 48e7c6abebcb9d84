"""The social domain gets diagnoses only where the client names them, and whom they are for."""

import pytest

from fhir_server.access.consent import decide
from fhir_server.access.consent_match import Request
from fhir_server.access.minimal import minimal
from fhir_server.catalog import catalog
from fhir_server.storage.consent_rule import Effect, Rule

CARE = "http://nictiz.nl/fhir/NamingSystem/organization-type|T2"
SOCIAL = "http://terminology.hl7.org/CodeSystem/organization-type|govt"
NATIONAL = "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs"
CONDITION, EPISODE = f"{NATIONAL}|Condition", f"{NATIONAL}|Episode"
TEAM, ORGANISATION, PERSON = "CareTeam/t", "Organization/gm", "Practitioner/w"


def rule(recipient: str, *categories: str, effect: Effect = "permit", number: int = 0) -> Rule:
    return Rule("Patient/p", "c", 1, effect, "Consent/c", recipient=recipient, categories=categories, number=number)


def request(kinds: tuple[str, ...] | None, category: str = CONDITION) -> Request:
    organisations = (ORGANISATION,)
    return Request((PERSON,), "practitioner", "TREAT", category, 1, organisations, kinds, ("f|wmo",), teams=(TEAM,))


@pytest.mark.parametrize("kinds", [None, (), (SOCIAL,)])
@pytest.mark.parametrize(
    ("recipient", "categories", "open_"),
    [
        (TEAM, (), False),
        (TEAM, (CONDITION,), False),
        (ORGANISATION, (), False),
        (ORGANISATION, (EPISODE,), False),
        (ORGANISATION, (EPISODE, CONDITION), True),
        (PERSON, (CONDITION,), True),
        ("function:f|wmo", (CONDITION,), True),
        ("function:f|wmo", (), False),
    ],
)
def test_diagnoses_must_be_named(
    kinds: tuple[str, ...] | None, recipient: str, categories: tuple[str, ...], *, open_: bool
) -> None:
    assert decide(request(kinds), [rule(recipient, *categories)]).permit is open_
    assert decide(request((CARE, *(kinds or ()))), [rule(recipient, *categories)]).permit is (
        not categories or CONDITION in categories
    )
    assert decide(request(kinds, EPISODE), [rule(recipient)]).permit


def test_the_reason_is_that_nothing_permits_it() -> None:
    assert decide(request((SOCIAL,)), [rule(TEAM)]).reasons == ("default-closed",)


def test_a_denial_need_not_name_them() -> None:
    rules = [rule(PERSON, CONDITION), rule(PERSON, CONDITION, effect="deny", number=1)]
    assert not decide(request((SOCIAL,)), rules).permit
    assert not decide(request((CARE,)), [rule(TEAM), rule(TEAM, effect="deny", number=1)]).permit


def test_what_is_withheld_is_asked_from_sources_so_that_no_predicate_of_the_store_need_know_it() -> None:
    types = catalog.load().types.values()
    assert minimal().categories <= {each.category_coding for each in types}
    assert {each.home for each in types if each.category_coding in minimal().categories} == {"federated"}
