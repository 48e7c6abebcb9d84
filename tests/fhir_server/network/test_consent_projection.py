"""A choice in the words of others permits nothing that it did not permit itself."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from consents import HUB, NATIONAL, PURPOSES, TYPES, URA, Json, concept, consent, provision, to
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.access.consent import Item, Request, decide
from fhir_server.network.consent import rules
from fhir_server.network.consent_names import CATEGORY
from fhir_server.network.consent_projection import PCF_BASIC, PCF_INTERMEDIATE, to_nuts_pip, to_pcf
from fhir_server.search.values import Range, instant
from fhir_server.storage.consent_rule import HUB as OWN_DOSSIER

BASE = "https://hub.test/fhir"
NOW = instant("2026-06-01T10:00:00+02:00")
SCOPE = concept("https://x.example/use-case", "eoverdracht")
URAS = {"Organization/a": "90000001", "Organization/b": "90000002"}
RECIPIENTS = ("CareTeam/ct", "Organization/a", "Organization/b", "Practitioner/x", f"{TYPES}|Z3")
HOLDERS = (HUB, f"{URA}|90000003", f"{URA}|90000004")
PERIODS = (None, None, ("2026-01-01", "2026-12-31"), ("2026-07-01", ""))


def stated(chance: Random, type_: str, few: float) -> Json:
    """Make a provision; of each limit, ``few`` is how often it is there."""

    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(chance.sample(values, chance.choice((1, 1, 2)))) if chance.random() < few else ()

    recipients = some(RECIPIENTS) or (("CareTeam/ct", "Organization/a")[chance.randrange(2) :] if type_ == "permit" else ())
    return provision(
        type_,
        *recipients,
        purposes=some(("TREAT", "CAREMGT")) or (("TREAT",) if type_ == "permit" else ()),
        categories=some(("message", "MedicationUse")),
        custodians=some((f"{URA}|90000003", f"{TYPES}|J8")) if chance.random() < 0.2 else (),
        actions=some(("access", "disclose")),
        label=chance.choice("NR") if chance.random() < few / 2 else "",
        period=chance.choice(PERIODS),
        about=("2026-05-01", "") if chance.random() < few / 2 else None,
        data=(("instance", "Communication/1"),) if chance.random() < few / 2 else (),
    )


def made(number: int) -> Json:
    chance = Random(number)
    type_ = chance.choice(("permit", "permit", "deny"))
    root = stated(chance, type_, chance.choice((0, 0.1, 0.4)))
    other = "deny" if type_ == "permit" else "permit"
    exceptions = [stated(chance, other, chance.choice((0.1, 0.5))) for _ in range(chance.choice((0, 1, 1, 2)))]
    for each in exceptions:
        if chance.random() < 0.3:
            each.pop("actor", None)
    return consent(
        {**root, **({"provision": exceptions} if exceptions else {})}, "c", chance.sample(HOLDERS, chance.choice((0, 1, 3)))
    )


def request(number: int) -> Request:
    chance = Random(number)
    holder = chance.choice(((OWN_DOSSIER,), (f"{URA}|90000003",), (f"{URA}|90000004",)))
    dates = chance.choice(
        (None, Range(instant("2026-05-02"), instant("2026-05-03")), Range(instant("2025-05-02"), instant("2025-05-03")))
    )
    return Request(
        (chance.choice(("Practitioner/x", "Practitioner/y")),),
        "practitioner",
        chance.choice(("TREAT", "CAREMGT", "BTG")),
        chance.choice(("https://netwerkdossier.example/fhir/CodeSystem/data-category|message", f"{NATIONAL}|MedicationUse")),
        NOW,
        organisations=chance.choice((("Organization/a",), ("Organization/b",), ("Organization/a", "Organization/b"), (), None)),
        kinds=chance.choice(((f"{TYPES}|Z3",), (f"{TYPES}|J8",), None)),
        teams=chance.choice((("CareTeam/ct",), ())),
        action=chance.choice(("access", "access", "disclose")),
        holder=holder,
        holder_kinds=() if holder == (OWN_DOSSIER,) else chance.choice(((f"{TYPES}|J8",), None)),
        item=Item(chance.choice(("Communication/1", "")), chance.choice((("N",), ("R",), ())), (), dates),
    )


def permits(choice: Json, asked: Request) -> bool:
    """Tell what a projection permits, read as a NetworkConsent."""
    own = {**choice, "category": [concept(*CATEGORY)]}
    return decide(asked, rules(own, BASE, 1, 1)).permit


def with_references(choice: Json) -> Json:
    """Return a projection for a Nuts node with the references that the URA numbers of its actors stand for."""
    names = {ura: name for name, ura in URAS.items()}
    actors = [to(names[each["reference"]["identifier"]["value"]]) for each in choice["provision"]["actor"]]
    return {**choice, "provision": {**choice["provision"], "actor": actors}}


numbers = st.integers(0, 2**32)


@settings(max_examples=examples(60))
@given(numbers, numbers)
def test_no_projection_permits_more(number: int, seed: int) -> None:
    original = made(number)
    pcf = to_pcf(original, BASE)
    others = [with_references(each) for each in to_nuts_pip(original, BASE, URAS, SCOPE)]
    for asked in (request(seed + each) for each in range(25)):
        allowed = permits(original, asked)
        assert pcf is None or permits(pcf, asked) <= allowed
        for other in others:
            assert permits(other, asked) <= allowed


@given(numbers)
def test_a_projection_projects_to_itself(number: int) -> None:
    once = to_pcf(made(number), BASE)
    assert once is None or to_pcf(once, BASE) == once


def test_the_projections_do_permit_something() -> None:
    found = {"pcf": 0, "pip": 0}
    for number in range(200):
        original, asked = made(number), [request(number * 31 + each) for each in range(20)]
        pcf = to_pcf(original, BASE)
        found["pcf"] += pcf is not None and any(permits(pcf, each) for each in asked)
        found["pip"] += any(
            permits(with_references(one), each) for one in to_nuts_pip(original, BASE, URAS, SCOPE) for each in asked
        )
    assert min(found.values()) > 0, found


def test_what_pcf_says() -> None:
    root = provision(
        "permit", "CareTeam/ct", purposes=("TREAT",), exceptions=(provision("deny", "Organization/a", categories=("Condition",)),)
    )
    found = to_pcf(consent(root, holders=HOLDERS), BASE)
    assert found is not None
    assert found["meta"]["profile"] == [PCF_INTERMEDIATE]
    assert found["category"] == [concept("http://loinc.org", "59284-0")]
    assert found["provision"]["provision"] == [{"type": "deny", "actor": [to("Organization/a")]}]
    basic = to_pcf(consent(provision("deny", categories=("Condition",))), BASE)
    assert basic is not None
    assert (basic["meta"]["profile"], basic["provision"]) == ([PCF_BASIC], {"type": "deny"})


@pytest.mark.parametrize(
    "limit", [{"categories": ("Condition",)}, {"actions": ("access",)}, {"label": "N"}, {"custodians": (f"{TYPES}|Z3",)}]
)
def test_a_permit_that_pcf_cannot_limit_is_not_said(limit: dict[str, Any]) -> None:
    assert to_pcf(consent(provision("permit", "CareTeam/ct", purposes=("TREAT",), **limit)), BASE) is None


@pytest.mark.parametrize("limit", [{"label": "R"}, {"categories": ("Condition",)}, {"custodians": (f"{TYPES}|Z3",)}])
def test_an_exception_does_not_lose_the_limits_that_it_inherits(limit: dict[str, Any]) -> None:
    root = provision("deny", exceptions=(provision("permit", "Organization/a", purposes=("TREAT",)),))
    found = to_pcf(consent(root), BASE)
    assert found is not None
    assert found["provision"]["provision"] == root["provision"]
    limited = to_pcf(consent({**root, **provision("deny", **limit)}), BASE)
    assert limited is not None
    assert "provision" not in limited["provision"]


def test_what_a_nuts_node_is_told() -> None:
    root = provision("permit", "CareTeam/ct", "Organization/a", "Organization/b", purposes=("TREAT",), period=("2026-01-01", ""))
    found = to_nuts_pip(consent(root, holders=HOLDERS), BASE, URAS, SCOPE)
    assert [each["organization"][0]["identifier"]["value"] for each in found] == ["90000003", "90000004"]
    (one, _) = found
    assert one["scope"] == SCOPE
    assert one["provision"]["action"] == [concept("http://terminology.hl7.org/CodeSystem/consentaction", "access")]
    assert [each["reference"]["identifier"]["value"] for each in one["provision"]["actor"]] == ["90000001", "90000002"]
    assert one["provision"]["purpose"] == [{"system": PURPOSES, "code": "TREAT"}]


@pytest.mark.parametrize(
    "root",
    [
        provision("deny", "Organization/a"),
        provision("permit", "CareTeam/ct", purposes=("TREAT",)),
        provision("permit", "Organization/a", purposes=("TREAT",), categories=("Condition",)),
        provision("permit", "Organization/a", purposes=("TREAT",), actions=("disclose",)),
        provision("permit", "Organization/a", purposes=("TREAT",), exceptions=(provision("deny", "Organization/b"),)),
        provision("permit", "Organization/a", purposes=("TREAT",), exceptions=(provision("deny", "Practitioner/x"),)),
        provision("permit", "Organization/a", purposes=("TREAT",), exceptions=(provision("deny", "CareTeam/ct"),)),
        provision("permit", "Organization/a", purposes=("TREAT",), exceptions=(provision("deny", categories=("Condition",)),)),
    ],
)
def test_what_a_nuts_node_is_not_told(root: Json) -> None:
    assert to_nuts_pip(consent(root, holders=HOLDERS), BASE, URAS, SCOPE) == ()


def test_a_choice_that_is_over_permits_nothing_in_any_form() -> None:
    over = consent(provision("permit", "Organization/a", purposes=("TREAT",)), holders=HOLDERS, status="inactive")
    assert to_nuts_pip(over, BASE, URAS, SCOPE) == ()
    pcf = to_pcf(over, BASE)
    assert pcf is not None
    assert not any(permits(pcf, replace(request(each), organisations=("Organization/a",))) for each in range(20))
