"""Chained parameters and _has to nodes of the tree."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest
from fhir_server.search.criteria import MOST_LINKS
from fhir_server.search.parse import parse
from fhir_server.search.tree import Chain, Has, Id, Node, Not, Or, ReferenceTo, Text, Token

CATALOG = load()
DEEP = "based-on:CommunicationRequest."


def where(type_: str, name: str, value: str, *, in_url: bool = True, strict: bool = True) -> Node:
    return parse(CATALOG.types[type_], [(name, value)], in_url=in_url, strict=strict, catalog=CATALOG).query.where


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("CareTeam", "patient.name", "Jan", Chain("patient", "Patient", Text("name", "jan"))),
        ("CareTeam", "subject:Patient.name:exact", "Jan", Chain("subject", "Patient", Text("name", "Jan", "exact"))),
        ("CareTeam", "patient.gender:not", "male", Chain("patient", "Patient", Not(Token("gender", "male", "")))),
        ("CareTeam", "patient._id", "a,b", Chain("patient", "Patient", Id(("a", "b")))),
        ("CareTeam", "patient.organization", "o1", Chain("patient", "Patient", ReferenceTo("organization", "Organization/o1"))),
        (
            "CareTeam",
            "patient.organization.name",
            "x",
            Chain("patient", "Patient", Chain("organization", "Organization", Text("name", "x"))),
        ),
        ("CareTeam", "managing-organization.name", "x", Chain("managing-organization", "Organization", Text("name", "x"))),
        ("CareTeam", "subject.gender", "male", Chain("subject", "Patient", Token("gender", "male", ""))),
        ("MedicationDispense", "medication.code", "x", Chain("medication", "Medication", Token("code", "x"))),
        ("Patient", "_has:CareTeam:patient:status", "active", Has("CareTeam", "patient", Token("status", "active", ""))),
        (
            "Practitioner",
            "_has:CareTeam:participant:patient",
            "p",
            Has("CareTeam", "participant", ReferenceTo("patient", "Patient/p")),
        ),
        (
            "Patient",
            "_has:CareTeam:patient:participant:Practitioner.family",
            "x",
            Has("CareTeam", "patient", Chain("participant", "Practitioner", Text("family", "x"))),
        ),
        (
            "Patient",
            "_has:CommunicationRequest:patient:_has:Communication:part-of:status",
            "completed",
            Has("CommunicationRequest", "patient", Has("Communication", "part-of", Token("status", "completed", ""))),
        ),
        (
            "CareTeam",
            "patient._has:RelatedPerson:patient:active",
            "true",
            Chain("patient", "Patient", Has("RelatedPerson", "patient", Token("active", "true", ""))),
        ),
    ],
)
def test_links_become_nodes(type_: str, name: str, value: str, expected: Node) -> None:
    assert where(type_, name, value) == expected


def test_a_chain_without_a_type_follows_every_kept_type_that_knows_the_parameter() -> None:
    found = where("Communication", "sender.name", "x")
    assert isinstance(found, Or)
    types = [part.type for part in found.parts if isinstance(part, Chain)]
    assert set(types) == {
        name
        for name in CATALOG.types["Communication"].search["sender"].targets
        if name in CATALOG.types and CATALOG.types[name].home != "federated" and "name" in CATALOG.types[name].search
    }
    assert {"Practitioner", "Patient", "RelatedPerson"} <= set(types)


@pytest.mark.parametrize(
    ("type_", "name", "says"),
    [
        ("CareTeam", "patient.colour", "'patient' of CareTeam points to can be searched by 'colour'"),
        ("CareTeam", "subject:Patient.colour", "Patient has no search parameter 'colour'"),
        ("CareTeam", "colour.name", "CareTeam has no search parameter 'colour'"),
        ("CareTeam", "status.name", "'status' of CareTeam is no reference"),
        ("CareTeam", "patient:Practitioner.name", "'patient' points to Patient"),
        ("Task", "focus:MedicationRequest.status", "cannot go through MedicationRequest"),
        ("MedicationDispense", "subject:Patient._has:MedicationDispense:subject:status", "cannot go through MedicationDispense"),
        ("Task", "focus:Basic.code", "cannot go through Basic"),
        ("Patient", "_has", "'_has' is written as"),
        ("Patient", "_has:CareTeam:patient", "'_has' is written as"),
        ("Patient", "_has::patient:status", "'_has' is written as"),
        ("Patient", "_has:Nothing:patient:status", "cannot go through Nothing"),
        ("Patient", "_has:Condition:patient:code", "cannot go through Condition"),
        ("Patient", "_has:CareTeam:status:status", "'status' of CareTeam is no reference"),
        ("Patient", "_has:CareTeam:colour:status", "CareTeam has no search parameter 'colour'"),
        ("Practitioner", "_has:CareTeam:patient:status", "'patient' points to Patient"),
        ("CommunicationRequest", f"{DEEP * (MOST_LINKS + 1)}status", f"more than {MOST_LINKS} types"),
        ("Task", "focus.focus.focus.focus.status", "more than"),
        ("Task", f"{'focus.' * 200}nothing", "more than"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_cannot_be_linked_is_refused_even_when_lenient(type_: str, name: str, says: str, *, strict: bool) -> None:
    with pytest.raises(BadRequest, match=says):
        where(type_, name, "x", strict=strict)


def test_the_deepest_chain_is_read() -> None:
    node = where("CommunicationRequest", f"{DEEP * MOST_LINKS}status", "active")
    for _ in range(MOST_LINKS):
        assert isinstance(node, Chain)
        node = node.part
    assert node == Token("status", "active", "")


@pytest.mark.parametrize("name", ["subject:Patient.identifier", "patient.identifier", "_has:Task:patient:patient.identifier"])
def test_a_bsn_stands_in_no_url_however_deep(name: str) -> None:
    type_ = "Patient" if name.startswith("_has") else "CareTeam"
    with pytest.raises(BadRequest, match=r"POST .type./_search") as caught:
        where(type_, name, "999911120")
    assert "999911120" not in caught.value.text
    where(type_, name, "999911120", in_url=False)


WORDS = st.sampled_from(
    ["subject", "patient", "_has", "CareTeam", "Patient", "participant", "name", "not", "missing", ":", ":", ".", "."]
)


@given(st.lists(WORDS, max_size=14).map("".join), st.text(max_size=5))
def test_any_name_is_read_or_refused(name: str, value: str) -> None:
    with suppress(BadRequest):
        assert where("CareTeam", name, value) is not None
