"""Which choices are refused, by the name of which rule, and at which place; and who may write one."""

from collections.abc import Callable
from typing import Any

import pytest
from consents import ANY, HUB, OWN, TYPES, URA, UZI, Json, concept, consent, held_by, provision, to, verification

from fhir_server.access.actor import Actor
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.network.consent_check import check
from fhir_server.network.consent_names import CATEGORY, PROFILE
from fhir_server.validation import check as valid

BASE = "https://hub.test/fhir"
CLIENT = Actor("Patient/p", "patient", (), people=("Patient/p",))
CARER = Actor("RelatedPerson/rep", "related-person", (), people=("RelatedPerson/rep", "RelatedPerson/rep-elsewhere"))
SYSTEM = Actor("Device/platform", "system", (), people=("Device/platform",))
ROOT = provision("permit", "CareTeam/ct", purposes=("TREAT",))
GOOD = consent(ROOT)
REP = {"performer": [{"reference": "RelatedPerson/rep"}]}
OTHER = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}


def broken(resource: Json, previous: Json | None = None, actor: Actor = SYSTEM) -> dict[str, list[str]]:
    """Return the places at which each rule is broken."""
    try:
        check(resource, previous, actor, BASE)
    except Unprocessable as error:
        found: dict[str, list[str]] = {}
        for issue in error.issues:
            found.setdefault(issue.detail, []).append(issue.expression)
        return found
    return {}


def root(**more: Any) -> Json:
    return consent({**ROOT, **more})


def excepted(*exceptions: Json, **more: Any) -> Json:
    return consent({**ROOT, **more, "provision": list(exceptions)})


@pytest.mark.parametrize(
    "resource",
    [
        GOOD,
        consent(ROOT, category=[concept("http://loinc.org", "57016-8"), concept(*CATEGORY)]),
        consent(ROOT, policy=None, policyRule=concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")),
        consent(ROOT, holders=(HUB, ANY, f"{URA}|90000001", f"{TYPES}|Z3")),
        consent(ROOT, patient={"reference": f"{BASE}/Patient/p"}),
        consent(provision("deny")),
        consent({}, status="inactive"),
        consent({}, status="rejected"),
        {"resourceType": "Consent", "id": "c0", "status": "entered-in-error", "category": [concept(*CATEGORY)]},
        consent(ROOT, **REP, verification=[verification()]),
        consent(ROOT, **REP, verification=[verification(period={"start": "2025-01-01", "end": "2026-02-01"})]),
        consent(
            provision(
                "permit",
                "Organization/o",
                "PractitionerRole/r",
                "Practitioner/p",
                "RelatedPerson/n",
                f"{TYPES}|Z3",
                f"{UZI}|01.015",
                purposes=("TREAT", "ETREAT", "CAREMGT", "COC", "PATRQT", "BTG", "FAMRQT"),
                categories=("message", "incident", "MedicationUse", "Document"),
                custodians=(f"{URA}|90000001", f"{TYPES}|J8"),
                actions=("access", "correct", "disclose"),
                label="R",
                period=("2026-01-01", "2026-12"),
                about=("2020", ""),
                data=(("instance", "Communication/1"), ("authoredby", "Practitioner/x")),
                exceptions=(provision("deny", categories=("incident",)), provision("deny", "RelatedPerson/n")),
            )
        ),
        consent(provision("deny", exceptions=(provision("permit", "CareTeam/ct", purposes=("TREAT",)),))),
        {**GOOD, "category": [OTHER, concept(*CATEGORY)], "meta": {"profile": [f"{PROFILE}|1.0"]}},
    ],
)
def test_what_is_accepted(resource: Json) -> None:
    assert broken(resource) == {}


@pytest.mark.parametrize(
    ("rule", "place", "resource"),
    [
        ("consent-identifier", "Consent.identifier", consent(ROOT, identifier=None)),
        ("consent-identifier", "Consent.identifier", consent(ROOT, identifier=[{"value": "x"}])),
        ("consent-identifier", "Consent.identifier", consent(ROOT, identifier=GOOD["identifier"] * 2)),
        (
            "consent-scope",
            "Consent.scope",
            consent(ROOT, scope=concept("http://terminology.hl7.org/CodeSystem/consentscope", "adr")),
        ),
        ("consent-category", "Consent.category", consent(ROOT, category=[concept(*CATEGORY)])),
        ("consent-category", "Consent.category", {**GOOD, "category": [OTHER], "meta": {"profile": [PROFILE]}}),
        ("consent-patient", "Consent.patient", consent(ROOT, patient={"display": "x"}, **REP, verification=[verification()])),
        ("consent-datetime", "Consent.dateTime", consent(ROOT, dateTime=None)),
        ("consent-policy", "Consent.policy", consent(ROOT, policy=None)),
        ("consent-policy", "Consent.policy", consent(ROOT, policy=[{"authority": "https://x.example"}])),
        ("consent-holder", "Consent.organization[1]", consent(ROOT, holders=(HUB, {"reference": "Organization/o"}))),
        ("consent-holder", "Consent.organization[0]", consent(ROOT, holders=("https://x.example|1",))),
        ("consent-holder", "Consent.organization[0]", consent(ROOT, holders=(f"{OWN}/NamingSystem/holder|everything",))),
        ("consent-performer", "Consent.performer", consent(ROOT, performer=None)),
        ("consent-performer", "Consent.performer[0]", consent(ROOT, performer=[{"reference": "Practitioner/x"}])),
        ("consent-performer", "Consent.performer[0]", consent(ROOT, performer=[{"reference": "Patient/other"}])),
        ("consent-performer", "Consent.performer[1]", consent(ROOT, performer=[*GOOD["performer"], {"display": "x"}])),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP)),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP, verification=[verification(verified=False)])),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP, verification=[verification(verifiedWith=None)])),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP, verification=[verification(verificationDate=None)])),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP, verification=[verification(extension=[])])),
        ("consent-mandate", "Consent.verification", consent(ROOT, **REP, verification=[verification("cousin")])),
        (
            "consent-mandate",
            "Consent.verification",
            consent(ROOT, **REP, verification=[verification(period={"end": "2025-12-31"})]),
        ),
        ("consent-provision", "Consent.provision", consent({})),
        ("consent-type", "Consent.provision.type", root(type=None)),
        ("consent-recipient-missing", "Consent.provision.actor", root(actor=[])),
        ("consent-recipient-missing", "Consent.provision.actor", root(actor=[to(f"{URA}|90000001", "CST")])),
        ("consent-recipient", "Consent.provision.actor[0].reference", root(actor=[to("Group/g")])),
        ("consent-recipient", "Consent.provision.actor[0].reference", root(actor=[to("https://x.example/fhir/Practitioner/x")])),
        ("consent-recipient", "Consent.provision.actor[0].reference", root(actor=[to(held_by(f"{URA}|90000001"))])),
        ("consent-holder", "Consent.provision.actor[1].reference", root(actor=[*ROOT["actor"], to("Organization/o", "CST")])),
        ("consent-actor-role", "Consent.provision.actor[1].role", root(actor=[*ROOT["actor"], to("Practitioner/x", "PRCP")])),
        ("consent-purpose-missing", "Consent.provision.purpose", root(purpose=[])),
        ("consent-purpose-code", "Consent.provision.purpose[0]", root(purpose=[{"system": "http://x.example", "code": "TREAT"}])),
        ("consent-purpose-code", "Consent.provision.purpose[1]", root(purpose=[*ROOT["purpose"], {"code": "HMARKT"}])),
        ("consent-class-code", "Consent.provision.class[0]", root(**{"class": [{"system": f"{OWN}/CodeSystem/data-category"}]})),
        ("consent-action-code", "Consent.provision.action[0]", root(action=[{"text": "look"}])),
        ("consent-label-code", "Consent.provision.securityLabel[0]", root(securityLabel=[{"code": "R"}])),
        ("consent-period", "Consent.provision.period", root(period={"start": "2027", "end": "2026"})),
        ("consent-period", "Consent.provision.dataPeriod", root(dataPeriod={"start": "2027", "end": "2026"})),
        (
            "consent-data-meaning",
            "Consent.provision.data[0].meaning",
            root(data=[{"meaning": "related", "reference": {"reference": "Condition/1"}}]),
        ),
        (
            "consent-data-author",
            "Consent.provision.data[0].reference",
            root(data=[{"meaning": "authoredby", "reference": {"reference": "PractitionerRole/1"}}]),
        ),
        (
            "consent-data-author",
            "Consent.provision.data[0].reference",
            root(data=[{"meaning": "authoredby", "reference": {"reference": "Organization/1"}}]),
        ),
        (
            "consent-data-reference",
            "Consent.provision.data[0].reference",
            root(data=[{"meaning": "authoredby", "reference": {"display": "x"}}]),
        ),
        ("consent-limit-unsupported", "Consent.provision.code", root(code=[concept("http://snomed.info/sct", "1")])),
        (
            "consent-limit-unsupported",
            "Consent.provision.modifierExtension",
            root(modifierExtension=[{"url": "https://x.example"}]),
        ),
        ("consent-limit-unsupported", "Consent.modifierExtension", consent(ROOT, modifierExtension=[{"url": "https://x.example"}])),
        (
            "consent-nesting",
            "Consent.provision.provision[0].provision",
            excepted(provision("deny", exceptions=(provision("permit"),))),
        ),
        ("consent-exception-type", "Consent.provision.provision[1].type", excepted(provision("deny"), provision("permit"))),
        ("consent-exception-type", "Consent.provision.provision[0].type", excepted(provision("deny", type=None))),
        (
            "consent-purpose-missing",
            "Consent.provision.provision[0].purpose",
            consent(provision("deny", "CareTeam/ct", exceptions=(provision("permit"),))),
        ),
        (
            "consent-recipient-missing",
            "Consent.provision.provision[0].actor",
            consent(provision("deny", exceptions=(provision("permit", purposes=("TREAT",)),))),
        ),
    ],
)
def test_what_is_refused(rule: str, place: str, resource: Json) -> None:
    assert place in broken(resource).get(rule, [])


def test_a_broken_choice_opens_nothing_else_than_the_rule_says() -> None:
    """Every place that is wrong is named at once, so that nobody has to send a choice five times."""
    resource = consent({"type": "permit", "provision": [{"type": "permit", "provision": [{}]}]}, identifier=None, policy=None)
    assert set(broken(resource)) == {
        "consent-identifier",
        "consent-policy",
        "consent-recipient-missing",
        "consent-purpose-missing",
        "consent-nesting",
        "consent-exception-type",
    }


def test_another_consent_is_left_alone() -> None:
    assert broken({"resourceType": "Consent", "status": "active", "category": [OTHER]}) == {}


def test_what_follows_a_choice() -> None:
    assert broken({**GOOD, "category": [OTHER]}, GOOD)["consent-kind"] == ["Consent.category"]
    assert broken({**GOOD, "status": "draft"}, GOOD) == {"consent-status": ["Consent.status"]}
    assert broken({**GOOD, "status": "draft"}, {**GOOD, "status": "proposed"}) == {}
    assert broken({**GOOD, "status": "inactive"}, GOOD) == {}
    assert broken(GOOD, {"resourceType": "Consent", "category": [OTHER]}) == {}


@pytest.mark.parametrize(
    ("actor", "resource"),
    [
        (CLIENT, GOOD),
        (SYSTEM, GOOD),
        (CARER, consent(ROOT, **REP, verification=[verification()])),
        (CARER, consent(ROOT, performer=[{"reference": "RelatedPerson/rep-elsewhere"}], verification=[verification()])),
    ],
)
def test_who_may_write(actor: Actor, resource: Json) -> None:
    """Or it raises."""
    check(resource, None, actor, BASE)


@pytest.mark.parametrize(
    ("actor", "resource"),
    [
        pytest.param(CARER, GOOD, id="in the name of the client"),
        pytest.param(CLIENT, consent(ROOT, **REP, verification=[verification()]), id="in the name of a carer"),
        pytest.param(
            CARER,
            consent(ROOT, performer=[{"reference": "RelatedPerson/x"}], verification=[verification()]),
            id="in the name of another carer",
        ),
        pytest.param(
            CLIENT, consent(ROOT, patient={"reference": "Patient/o"}, performer=[{"reference": "Patient/o"}]), id="for another"
        ),
        pytest.param(CARER, {"resourceType": "Consent", "category": [OTHER]}, id="another kind of consent"),
    ],
)
def test_who_may_not_write(actor: Actor, resource: Json) -> None:
    with pytest.raises(Forbidden) as caught:
        check(resource, None, actor, BASE)
    assert caught.value.issues[0].detail == "consent-author"


def test_the_examples_are_valid_fhir() -> None:
    """Or it raises."""
    made: list[Callable[[], Json]] = [lambda: GOOD, lambda: consent(ROOT, **REP, verification=[verification()])]
    for each in made:
        valid(each())
