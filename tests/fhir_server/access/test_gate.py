"""The one decision, cell by cell; and over a small world that scopes and bindings only ever take away."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.actor import Actor, Role
from fhir_server.access.consented import governing
from fhir_server.access.gate import Gate
from fhir_server.access.invited import invited
from fhir_server.access.labelling import labels
from fhir_server.access.private import private
from fhir_server.access.roles import load_roles
from fhir_server.access.scope import LETTERS, parse_scopes
from fhir_server.catalog import catalog
from fhir_server.catalog.catalog import NATIONAL_CATEGORIES, OWN_CATEGORIES
from fhir_server.errors import FhirError, Forbidden, NotAllowed, NotFound
from fhir_server.search.tree import (
    And,
    CircleNames,
    Consented,
    Dossier,
    Everything,
    Id,
    InCircle,
    MemberOf,
    Missing,
    Node,
    Not,
    Nothing,
    Or,
    ReferenceTo,
    TeamMate,
    Token,
    Unrefused,
)
from fhir_server.storage.circle import CONVERSATION

CATALOGUE = catalog.load()
AT = 1_800_000_000_000_000
GATE = Gate(CATALOGUE, load_roles(CATALOGUE.types), lambda: AT)

DOCTOR = ("Practitioner/vos",)
CARER = ("RelatedPerson/mia",)
CLIENT = ("Patient/bakker",)
SYSTEM = ("Device/platform",)


def actor(people: tuple[str, ...], role: Role, scope: str = "user/*.cruds", patient: str = "") -> Actor:
    return Actor(people[0], role, parse_scopes(scope), patient=patient, purpose="TREAT", people=people)


doctor = actor(DOCTOR, "practitioner")
carer = actor(CARER, "related-person")
client = actor(CLIENT, "patient")
system = actor(SYSTEM, "system", "system/*.cruds")


def bound(who: Actor, patient: str = "Patient/bakker") -> Actor:
    return replace(who, patient=patient)


def scoped(who: Actor, scope: str) -> Actor:
    return replace(who, scopes=parse_scopes(scope))


BAKKER = Dossier(("Patient/bakker",))
OWN = And((BAKKER, Not(Token("_security", "third-party"))))


def consented(who: Actor, type_: str) -> Consented:
    """Return what the gate asks of the consents of a dossier before ``who`` reads ``type_`` there."""
    category, date, is_message, author = {
        "Task": ("message", "authored-on", True, Missing("requester", 26)),
        "Communication": ("message", "sent", True, Missing("sender", 21)),
        "Binary": ("message", "", True, None),
        "Observation": ("ObservationActivity", "date", False, Missing("performer", 45)),
    }[type_]
    unknown = ("Organization/", "kind:", "function:") if who.role == "practitioner" else ()
    system = f"{OWN_CATEGORIES if is_message else NATIONAL_CATEGORIES}|{category}"
    return Consented(
        who.people, who.people, "TREAT", system, "access", AT, date, "N", is_message, unknown, (), author, labels().coded.get(type_)
    )


def measurements(who: Actor) -> Or:
    """Return what the gate asks of the consents before ``who`` reads an Observation: the answers to questions are self-reports."""
    asked = consented(who, "Observation")
    survey = Token("category", "survey", "http://terminology.hl7.org/CodeSystem/observation-category")
    told = replace(asked, category=f"{OWN_CATEGORIES}|self-report")
    return Or((And((Not(survey), asked)), And((survey, told))))


def standing(who: Actor) -> InCircle:
    """Return what the gate asks of the circle of a conversation before ``who`` reads it."""
    return InCircle(who.people, who.people, AT)


def tasks(who: Actor) -> Node:
    """Return what the gate asks before ``who`` reads a Task."""
    owners = InCircle(who.people, who.people, AT, own=True, networks=who.role == "practitioner")
    named = And((CircleNames((*who.people, CONVERSATION), own=True), standing(who)))
    return Or((owners, CircleNames(who.people, own=True, alone=True), named))


ALONE = Dossier((private("Practitioner/vos"),))


@pytest.mark.parametrize(
    ("who", "interaction", "type_", "where"),
    [
        pytest.param(system, "read", "Task", Everything(), id="system reads"),
        pytest.param(system, "delete", "Patient", Everything(), id="system deletes"),
        pytest.param(bound(system), "read", "Task", BAKKER, id="system bound to a patient"),
        pytest.param(bound(system), "read", "Organization", Everything(), id="system bound, directory"),
        pytest.param(bound(system), "read", "Subscription", Nothing(), id="system bound, neither dossier nor directory"),
        pytest.param(doctor, "read", "Subscription", Dossier((private(DOCTOR[0]),)), id="practitioner reads what is private"),
        pytest.param(doctor, "search", "Device", MemberOf(DOCTOR, AT), id="practitioner searches a dossier type"),
        pytest.param(carer, "read", "Consent", MemberOf(CARER, AT), id="carer reads a dossier type"),
        pytest.param(carer, "read", "Device", MemberOf(CARER, AT), id="device of a client"),
        pytest.param(carer, "read", "Patient", MemberOf(CARER, AT), id="carer reads the client"),
        pytest.param(carer, "read", "RelatedPerson", Or((MemberOf(CARER, AT), Id(("mia",)))), id="carer and self"),
        pytest.param(doctor, "read", "CareTeam", Or((MemberOf(DOCTOR, AT), TeamMate(DOCTOR, AT))), id="a team may be a team mate"),
        pytest.param(
            client,
            "read",
            "CareTeam",
            Or((Or((MemberOf(CLIENT, AT), TeamMate(CLIENT, AT))), BAKKER)),
            id="client reads teams",
        ),
        pytest.param(client, "search", "Device", Or((MemberOf(CLIENT, AT), BAKKER)), id="client reads the own dossier"),
        pytest.param(client, "read", "Patient", Or((Or((MemberOf(CLIENT, AT), BAKKER)), Id(("bakker",)))), id="client and self"),
        pytest.param(client, "create", "Consent", BAKKER, id="client consents in the own dossier only"),
        pytest.param(client, "update", "Consent", BAKKER, id="client changes consent in the own dossier only"),
        pytest.param(doctor, "read", "Practitioner", Or((TeamMate(DOCTOR, AT), Id(("vos",)))), id="colleagues and self"),
        pytest.param(doctor, "read", "PractitionerRole", TeamMate(DOCTOR, AT), id="roles of colleagues"),
        pytest.param(carer, "search", "Organization", TeamMate(CARER, AT), id="organisations of colleagues"),
        pytest.param(bound(doctor), "read", "Device", And((MemberOf(DOCTOR, AT), BAKKER)), id="bound token, dossier type"),
        pytest.param(
            bound(doctor),
            "read",
            "Organization",
            And((TeamMate(DOCTOR, AT), TeamMate(CLIENT, AT))),
            id="bound token, directory type",
        ),
        pytest.param(
            bound(doctor, "Patient/smit"),
            "read",
            "Device",
            And((MemberOf(DOCTOR, AT), Dossier(("Patient/smit",)))),
            id="bound to another patient",
        ),
        pytest.param(
            scoped(bound(doctor), "patient/*.rs"),
            "read",
            "Device",
            And((MemberOf(DOCTOR, AT), BAKKER)),
            id="patient scope with a patient",
        ),
        pytest.param(
            scoped(client, "patient/*.rs"),
            "read",
            "Device",
            And((Or((MemberOf(CLIENT, AT), BAKKER)), BAKKER)),
            id="patient scope of the client",
        ),
        pytest.param(
            scoped(doctor, "patient/*.rs user/Device.rs"), "read", "Device", MemberOf(DOCTOR, AT), id="the wider scope of two"
        ),
        pytest.param(
            doctor,
            "create",
            "Communication",
            And((And((standing(doctor), consented(doctor, "Communication"))), ReferenceTo("sender", *DOCTOR))),
            id="own message",
        ),
        pytest.param(
            client,
            "create",
            "CommunicationRequest",
            And((OWN, ReferenceTo("requester", *CLIENT))),
            id="own conversation",
        ),
        pytest.param(
            doctor,
            "search",
            "Task",
            Or((And((tasks(doctor), consented(doctor, "Task"))), invited(doctor))),
            id="tasks are messages of the network, and invitations",
        ),
        pytest.param(
            carer,
            "read",
            "Observation",
            And((MemberOf(CARER, AT), measurements(carer))),
            id="carer reads a measurement",
        ),
        pytest.param(
            client,
            "read",
            "Task",
            Or((And((And((tasks(client), Not(BAKKER))), consented(client, "Task"))), OWN)),
            id="the client needs nobody's consent in the own dossier",
        ),
        pytest.param(doctor, "search", "AuditEvent", ReferenceTo("agent", *DOCTOR), id="own record"),
        pytest.param(
            doctor,
            "create",
            "AuditEvent",
            And((ReferenceTo("agent", *DOCTOR), ReferenceTo("agent", *DOCTOR))),
            id="own read receipt",
        ),
        pytest.param(bound(doctor), "read", "AuditEvent", And((ReferenceTo("agent", *DOCTOR), BAKKER)), id="own record, bound"),
        pytest.param(system, "search", "AuditEvent", Everything(), id="system reads the record"),
        pytest.param(system, "read", "Binary", Everything(), id="system reads attachments"),
        pytest.param(
            doctor,
            "read",
            "Binary",
            Or((And((standing(doctor), consented(doctor, "Binary"))), ALONE)),
            id="attachments of the network, and own ones",
        ),
        pytest.param(
            bound(doctor),
            "create",
            "Binary",
            And((And((standing(doctor), consented(doctor, "Binary"))), BAKKER)),
            id="attachments, bound token",
        ),
        pytest.param(
            scoped(client, "patient/*.cruds"),
            "create",
            "Binary",
            Or((And((OWN, BAKKER)), Dossier((private("Patient/bakker"),)))),
            id="attachments of the client, patient scope",
        ),
        pytest.param(system, "read", "Condition", Nothing(), id="the own store has nothing federated"),
    ],
)
def test_grants(who: Actor, interaction: str, type_: str, where: Node) -> None:
    grant = GATE.grant(who, interaction, type_)
    assert (grant.actor, grant.type, grant.where) == (who.reference, type_, where)


def test_one_person_who_is_several_carers() -> None:
    people = ("RelatedPerson/mia", "RelatedPerson/mia-2")
    both_of_them = actor(people, "related-person")
    grant = GATE.grant(both_of_them, "create", "Communication")
    both = Or((ReferenceTo("sender", people[0]), ReferenceTo("sender", people[1])))
    assert grant.where == And((And((standing(both_of_them), consented(both_of_them, "Communication"))), both))


def test_a_rule_can_name_a_professional_in_many_ways() -> None:
    known = replace(doctor, organisations=("Organization/o1",), kinds=("urn:types|Z3",), functions=("urn:roles|30",))
    asked = governing(GATE.grant(known, "read", "Task").where)
    assert asked.keys == ("Practitioner/vos", "Organization/o1", "kind:urn:types|Z3", "function:urn:roles|30")
    assert asked.unknown == ()


def test_a_change_is_a_correction() -> None:
    roles = load_roles(CATALOGUE.types, "[own]\nTask = { practitioner = 'ru' }")
    gate = Gate(CATALOGUE, roles, lambda: AT)
    actions = [governing(gate.grant(doctor, interaction, "Task").where).action for interaction in ("read", "update", "patch")]
    assert actions == ["access", "correct", "correct"]


@pytest.mark.parametrize(
    ("who", "interaction", "type_", "error", "detail"),
    [
        pytest.param(doctor, "read", "Patiens", NotFound, "unknown-type", id="no such type"),
        pytest.param(system, "delete", "AuditEvent", NotAllowed, "interaction-not-supported", id="nobody deletes the record"),
        pytest.param(system, "create", "Condition", NotAllowed, "interaction-not-supported", id="nobody writes a federated type"),
        pytest.param(doctor, "explode", "Patient", NotAllowed, "interaction-not-supported", id="no such interaction"),
        pytest.param(doctor, "delete", "Task", Forbidden, "not-permitted", id="practitioner deletes"),
        pytest.param(carer, "update", "CareTeam", Forbidden, "not-permitted", id="carer changes the team"),
        pytest.param(carer, "update", "Task", Forbidden, "not-permitted", id="carer completes a task"),
        pytest.param(doctor, "create", "Consent", Forbidden, "not-permitted", id="practitioner consents"),
        pytest.param(doctor, "read", "Group", Forbidden, "not-permitted", id="no row is closed"),
        pytest.param(actor(DOCTOR, "operator"), "read", "Patient", Forbidden, "not-permitted", id="operator"),
        pytest.param(actor(DOCTOR, "operator"), "search", "Organization", Forbidden, "not-permitted", id="operator, directory"),
        pytest.param(actor(SYSTEM, "source"), "create", "Task", Forbidden, "not-permitted", id="source"),
        pytest.param(actor(SYSTEM, "pgo"), "read", "Patient", Forbidden, "not-permitted", id="pgo"),
        pytest.param(scoped(doctor, ""), "read", "Task", Forbidden, "insufficient_scope", id="no scope"),
        pytest.param(scoped(doctor, "user/CareTeam.rs"), "read", "Task", Forbidden, "insufficient_scope", id="other type"),
        pytest.param(scoped(doctor, "user/Task.s"), "read", "Task", Forbidden, "insufficient_scope", id="other interaction"),
        pytest.param(scoped(system, "system/*.rs"), "delete", "Task", Forbidden, "insufficient_scope", id="system read-only"),
        pytest.param(
            scoped(doctor, "patient/*.rs"), "read", "Task", Forbidden, "insufficient_scope", id="patient scope, no patient"
        ),
    ],
)
def test_refusals(who: Actor, interaction: str, type_: str, error: type[FhirError], detail: str) -> None:
    with pytest.raises(error) as caught:
        GATE.grant(who, interaction, type_)
    assert caught.value.issues[0].detail == detail
    assert bool(caught.value.headers) == (detail == "insufficient_scope")
    with pytest.raises(error):
        GATE.federated(who, type_, "Patient/bakker", interaction)
    assert GATE.permitted(who, interaction, [type_]) == ()


def test_permitted_keeps_what_is_open() -> None:
    types = ["Task", "Group", "Unknown", "CareTeam"]
    assert [grant.type for grant in GATE.permitted(doctor, "read", types)] == ["Task", "CareTeam"]


def test_an_entry_without_dossier_or_reach_is_closed() -> None:
    roles = load_roles(CATALOGUE.types, "[own]\nQuestionnaire = { practitioner = 'r' }")
    assert Gate(CATALOGUE, roles, lambda: AT).grant(doctor, "read", "Questionnaire").where == Nothing()


def test_whoever_changes_a_signed_resource_must_be_its_maker() -> None:
    roles = load_roles(CATALOGUE.types, "[own]\nCommunication = { practitioner = 'u' }\n[author]\nCommunication = 'sender'")
    grant = Gate(CATALOGUE, roles, lambda: AT).grant(doctor, "update", "Communication")
    changed = replace(consented(doctor, "Communication"), action="correct")
    assert grant.where == And((And((MemberOf(DOCTOR, AT), changed)), ReferenceTo("sender", *DOCTOR)))


@pytest.mark.parametrize(
    ("who", "patient", "condition"),
    [
        pytest.param(doctor, "Patient/bakker", MemberOf(DOCTOR, AT), id="member of the network"),
        pytest.param(bound(doctor), "Patient/bakker", MemberOf(DOCTOR, AT), id="bound to this patient"),
        pytest.param(bound(doctor), "Patient/smit", Nothing(), id="bound to another patient"),
        pytest.param(client, "Patient/bakker", Everything(), id="client about themselves"),
        pytest.param(client, "Patient/smit", Nothing(), id="client about another"),
        pytest.param(system, "Patient/smit", Everything(), id="system about anybody"),
        pytest.param(scoped(client, "patient/*.rs"), "Patient/bakker", Everything(), id="patient scope of the client"),
        pytest.param(scoped(client, "patient/*.rs"), "Patient/smit", Nothing(), id="patient scope, another"),
    ],
)
def test_who_may_ask_sources(who: Actor, patient: str, condition: Node) -> None:
    grant = GATE.federated(who, "MedicationDispense", patient)
    assert (grant.actor, grant.type, grant.patient, grant.purpose) == (who.reference, "MedicationDispense", patient, "TREAT")
    assert grant.condition == condition


@pytest.mark.parametrize("who", [carer, actor(DOCTOR, "operator"), actor(SYSTEM, "pgo"), actor(SYSTEM, "source")])
def test_who_may_not_ask_sources(who: Actor) -> None:
    with pytest.raises(Forbidden):
        GATE.federated(who, "Observation", "Patient/bakker")


# A small world: two clients, each with a network, a mutual carer, and resources in both dossiers and in none.

MEMBERS = {
    "Patient/bakker": {"Patient/bakker", "Practitioner/vos", "RelatedPerson/mia", "Organization/o1", "CareTeam/ward"},
    "Patient/smit": {"Patient/smit", "Practitioner/vos", "Patient/bakker", "Organization/o2"},
    "Patient/dekker": {"Patient/dekker", "Practitioner/other", "Organization/o3"},
}
DOSSIERS = ("Patient/bakker", "Patient/smit", "Patient/dekker", *map(private, (*DOCTOR, *CLIENT)), "")
REFERENCES = sorted(set().union(*MEMBERS.values()) | {"Practitioner/nobody", "Device/platform"})


def holds(node: Node, self_: str, dossier: str, maker: str) -> bool:
    match node:
        case And(parts):
            return all(holds(part, self_, dossier, maker) for part in parts)
        case Or(parts):
            return any(holds(part, self_, dossier, maker) for part in parts)
        case Everything() | Not() | Consented():  # whatever the client consented to: nothing here goes beyond it
            return True
        case Dossier(patients):
            return dossier in patients
        case MemberOf(people, _) | InCircle(people, _):  # the circle takes away only
            return bool(MEMBERS.get(dossier, set()) & set(people))
        case TeamMate(people, _):
            return any(self_ in members and members & set(people) for members in MEMBERS.values())
        case Id(values):
            return self_.split("/")[1] in values
        case ReferenceTo(_, target):
            return maker == target
    return False


def reached(who: Actor, interaction: str, type_: str) -> set[tuple[str, str, str]]:
    try:
        where = GATE.grant(who, interaction, type_).where
    except FhirError:
        return set()
    selves = [self_ for self_ in REFERENCES if self_.startswith(type_ + "/")] or [f"{type_}/1"]
    return {each for each in product(selves, DOSSIERS, ("Practitioner/vos", "Patient/bakker", "-")) if holds(where, *each)}


actors = st.sampled_from([doctor, carer, client, system])
types = st.sampled_from(sorted(CATALOGUE.types))
interactions = st.sampled_from(sorted(LETTERS))
scope_texts = st.lists(
    st.builds(
        "{}/{}.{}".format,
        st.sampled_from(["patient", "user", "system"]),
        st.sampled_from(["*", "Task", "Communication", "CareTeam", "Patient"]),
        st.sampled_from(["rs", "cruds", "c", "u", "read", "*"]),
    ),
    max_size=3,
).map(" ".join)
patients = st.sampled_from(["", "Patient/bakker", "Patient/smit", "Patient/dekker"])


@given(actors, interactions, types, scope_texts, patients)
def test_scopes_and_bindings_only_take_away(who: Actor, interaction: str, type_: str, scope: str, patient: str) -> None:
    assert reached(replace(scoped(who, scope), patient=patient), interaction, type_) <= reached(who, interaction, type_)


@given(actors, interactions, types, patients.filter(bool))
def test_a_bound_token_reaches_one_dossier_and_the_person_itself(who: Actor, interaction: str, type_: str, patient: str) -> None:
    if CATALOGUE.types[type_].patient:
        for self_, dossier, _ in reached(bound(who, patient), interaction, type_):
            own = {private(who.reference)} if patient == who.reference else set()
            assert dossier in {patient, *own} or self_ == who.reference


@given(st.sampled_from([doctor, carer, client]), interactions, types)
def test_nobody_but_the_system_reaches_a_stranger(who: Actor, interaction: str, type_: str) -> None:
    for _, dossier, maker in reached(who, interaction, type_):
        if type_ != "AuditEvent" and CATALOGUE.types[type_].patient and type_ not in {"CareTeam", who.type}:
            assert dossier == private(who.reference) or who.reference in MEMBERS.get(dossier, set())
        if type_ == "AuditEvent":
            assert maker == who.reference


@given(actors, types)
def test_what_may_be_changed_may_be_read(who: Actor, type_: str) -> None:
    written = reached(who, "create", type_) | reached(who, "update", type_)
    assert written <= reached(who, "read", type_)


def in_emergency(who: Actor) -> Actor:
    return replace(who, purpose="BTG", reason="fell", patient="Patient/bakker")


def test_an_emergency_opens_one_dossier_for_reading() -> None:
    who = in_emergency(doctor)
    for type_ in ("Patient", "CareTeam", "Task", "DocumentReference"):
        where = GATE.grant(who, "search", type_).where
        assert isinstance(where, And)
        dossier, unrefused, label = where.parts
        assert (dossier, label) == (BAKKER, Not(Token("_security", "V")))
        assert isinstance(unrefused, Unrefused)
        assert (unrefused.asked.purpose, bool(unrefused.asked.category)) == ("BTG", type_ in {"Task", "DocumentReference"})
    parts = GATE.grant(who, "search", "Observation").where
    assert isinstance(parts, And)
    assert isinstance(parts.parts[1], Or)
    asked = [each.parts[1].asked for each in parts.parts[1].parts if isinstance(each, And) and isinstance(each.parts[1], Unrefused)]
    assert [(each.purpose, each.category.rpartition("|")[2]) for each in asked] == [
        ("BTG", "ObservationActivity"),
        ("BTG", "self-report"),
    ]
    for type_ in ("RelatedPerson", "Practitioner", "Consent"):
        assert GATE.grant(who, "read", type_).where == Nothing(), type_
    assert GATE.grant(replace(who, patient=""), "read", "Task").where == Nothing()


@pytest.mark.parametrize(("interaction", "type_"), [("create", "Communication"), ("history", "Task"), ("create", "AuditEvent")])
def test_an_emergency_opens_nothing_else(interaction: str, type_: str) -> None:
    with pytest.raises(Forbidden) as raised:
        GATE.grant(in_emergency(doctor), interaction, type_)
    assert raised.value.issues[0].detail == "btg-read-only"


def test_an_emergency_is_no_way_to_the_record() -> None:
    with pytest.raises(Forbidden):
        GATE.record(in_emergency(doctor), "search")


@pytest.mark.parametrize("who", [client, system])
def test_only_a_professional_has_an_emergency(who: Actor) -> None:
    assert GATE.grant(in_emergency(who), "read", "Task").where == Nothing()
    assert GATE.federated(in_emergency(who), "MedicationDispense", "Patient/bakker").condition == Nothing()


def test_an_emergency_needs_no_membership_at_the_sources_of_the_one_client() -> None:
    who = in_emergency(doctor)
    assert GATE.federated(who, "MedicationDispense", "Patient/bakker").condition == Everything()
    assert GATE.federated(who, "MedicationDispense", "Patient/smit").condition == Nothing()
