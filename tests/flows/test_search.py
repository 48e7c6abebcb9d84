"""Searching over HTTP: what is missing, chains, _has, _revinclude; and that none of them tells of another dossier."""

from collections.abc import Iterator
from typing import Any

import pytest
from flows.client import Demo, Reply

from fhir_server.network.reader_task import id_of

TEAM, OTHER_TEAM = "CareTeam/network-ansje", "CareTeam/network-other"
OF_BOTH = "_id=network-ansje,network-other"  # other tests make teams as well
THREAD = "CommunicationRequest/thread-tablets"
UNREAD = id_of(THREAD, "RelatedPerson/daughter-marije")
QUIET, SECRET, POINTER = "CommunicationRequest/quiet", "Communication/secret", "Task/pointer"


def resource(reference: str, patient: str, **more: Any) -> dict[str, Any]:
    type_, _, id_ = reference.partition("/")
    about = "for" if type_ == "Task" else "subject"
    return {"resourceType": type_, "id": id_, about: {"reference": patient}, **more}


@pytest.fixture(scope="module")
def crossing(hub: Demo) -> Iterator[Demo]:
    """Let two dossiers point to each other: a request of one with a message in the other, and a task about that reply."""
    system = hub.as_("system")
    quiet = resource(QUIET, "Patient/ansje", status="active", requester={"reference": "Practitioner/gp-harmsen"})
    secret = resource(SECRET, "Patient/other-client", status="not-done", basedOn=[{"reference": QUIET}])
    pointer = resource(POINTER, "Patient/ansje", status="requested", intent="order", focus={"reference": SECRET})
    made = [quiet, secret, pointer]
    assert [system.put(each).status for each in made] == [201, 201, 201]
    yield hub
    followed = system.get(f"Task?based-on={QUIET}").ids()
    back = [*followed, POINTER, SECRET, QUIET]  # what refers to others goes before them
    assert {system.request("DELETE", each).status for each in back} == {204}


def found(reply: Reply, mode: str = "match") -> list[str]:
    assert reply.status == 200, reply.body
    return sorted(reply.ids(mode))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"CareTeam?name:missing=false&{OF_BOTH}", [TEAM, OTHER_TEAM]),
        (f"CareTeam?name:missing=true&{OF_BOTH}", []),
        (f"CareTeam?date:missing=true&{OF_BOTH}", [OTHER_TEAM]),
        (f"CareTeam?subject:missing=true&{OF_BOTH}", []),
        (f"CareTeam?status:not=active&{OF_BOTH}", []),
        (f"CareTeam?status:not=proposed,inactive&{OF_BOTH}", [TEAM, OTHER_TEAM]),
        (f"CareTeam?category:not=anything&{OF_BOTH}", [TEAM, OTHER_TEAM]),
        ("Patient?name:missing=false&gender:not=male&_id=ansje", ["Patient/ansje"]),
        ("CareTeam?patient.name=veenstra", [TEAM]),
        ("CareTeam?patient.name=nobody", []),
        ("CareTeam?subject:Patient.name=oostra", [OTHER_TEAM]),
        ("CareTeam?participant.family=harmsen", [TEAM]),
        ("CareTeam?participant:Practitioner.identifier=http://fhir.nl/fhir/NamingSystem/agb-z|01001001", [TEAM]),
        ("CareTeam?patient._id=ansje&status=active", [TEAM]),
        (
            "Communication?_id=reply-tablets&part-of:CommunicationRequest.requester:RelatedPerson.name=marije",
            ["Communication/reply-tablets"],
        ),
        ("Communication?_id=reply-tablets&part-of:CommunicationRequest.requester:RelatedPerson.name=nobody", []),
        (
            f"Task?_id={UNREAD}&focus:Communication.part-of:CommunicationRequest.requester:RelatedPerson.name=marije",
            [f"Task/{UNREAD}"],
        ),
        ("Patient?_has:CareTeam:patient:participant=Practitioner/gp-harmsen", ["Patient/ansje"]),
        ("Patient?_has:CareTeam:patient:participant.family=harmsen", ["Patient/ansje"]),
        ("Practitioner?_has:CareTeam:participant:patient=Patient/ansje&family=harmsen", ["Practitioner/gp-harmsen"]),
        (
            "Patient?_has:CommunicationRequest:patient:_has:Communication:part-of:_id=reply-tablets",
            ["Patient/ansje"],
        ),
        ("Patient?_has:Communication:patient:sender=Practitioner/gp-elders", []),
    ],
)
def test_what_a_search_finds(hub: Demo, query: str, expected: list[str]) -> None:
    reply = hub.as_("system").get(query)
    assert found(reply) == expected
    assert reply.json["total"] == len(expected)
    assert hub.as_("system").get(f"{query}&_summary=count").json["total"] == len(expected)


def test_missing_and_not_stay_within_the_own_dossiers(hub: Demo) -> None:
    for query in ("CareTeam?identifier:missing=true", "CareTeam?status:not=inactive"):
        assert found(hub.as_("gp").get(query)) == [TEAM]
        assert found(hub.as_("system").get(f"{query}&{OF_BOTH}")) == [TEAM, OTHER_TEAM]


def test_a_person_is_found_by_identifier_through_a_chain_in_a_form(hub: Demo) -> None:
    bsn = "subject:Patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn|999990019"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    gp = hub.as_("gp")
    assert found(gp.request("POST", "CareTeam/_search", bsn.encode(), **form)) == [TEAM]
    refused = gp.get(f"CareTeam?{bsn}")
    assert (refused.status, refused.detail) == (400, "bsn-in-url")
    assert b"999990019" not in refused.body


def test_the_patient_the_teams_and_their_members(hub: Demo) -> None:
    query = "Patient?_id=ansje&_revinclude=CareTeam:patient&_include:iterate=CareTeam:participant"
    reply = hub.as_("gp").get(query)
    assert found(reply) == ["Patient/ansje"]
    members = found(reply, "include")
    assert {TEAM, "Practitioner/gp-harmsen", "RelatedPerson/daughter-marije"} <= set(members)
    assert len(members) == len(set(members))
    assert "Patient/ansje" not in members
    assert reply.json["total"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("CommunicationRequest?_id=thread-tablets&_revinclude=Communication:part-of", ["Communication/reply-tablets"]),
        (
            "CommunicationRequest?_id=thread-tablets&_revinclude=Communication:part-of&_revinclude:iterate=Task:focus",
            ["Communication/reply-tablets", f"Task/{UNREAD}"],
        ),
        ("CommunicationRequest?_id=thread-tablets&_revinclude=Communication:part-of&_revinclude=Task:based-on", None),
        ("CommunicationRequest?_id=thread-tablets&_revinclude=Communication:*", ["Communication/reply-tablets"]),
        (
            f"Task?_id={UNREAD}&_include=Task:focus&_include:iterate=Communication:part-of",
            ["Communication/reply-tablets", THREAD],
        ),
        (f"Task?_id={UNREAD}&_include=Task:focus", ["Communication/reply-tablets"]),
    ],
)
def test_what_comes_along(hub: Demo, query: str, expected: list[str] | None) -> None:
    wanted = expected or ["Communication/reply-tablets", f"Task/{UNREAD}"]
    along = found(hub.as_("daughter").get(query), "include")
    assert [each for each in along if each in wanted] == wanted
    others = {each.partition("/")[0] for each in along if each not in wanted}
    # Each member has a Task of the thread, and there may be other replies in it.
    assert others <= {each.partition("/")[0] for each in wanted}


def test_wildcards_end_and_stay_within_the_grant(hub: Demo) -> None:
    reply = hub.as_("gp").get("Patient?_id=ansje&_revinclude:iterate=*&_include:iterate=*")
    assert {TEAM, THREAD, "Consent/consent-ansje", "Communication/reply-tablets"} <= set(found(reply, "include"))
    assert not {"Patient/other-client", OTHER_TEAM} & set(reply.ids("include"))


LINKS = [
    ("Communication?_id=secret&based-on:CommunicationRequest.status=active", SECRET),
    ("Communication?_id=secret&_has:Task:focus:status=requested", SECRET),
    ("Task?_id=pointer&focus:Communication.status=not-done", POINTER),
    ("Task?_id=pointer&focus:Communication.patient=other-client", POINTER),
    ("Task?_id=pointer&focus:Communication.status:missing=false", POINTER),
    ("Task?_id=pointer&focus:Communication.status:not=completed", POINTER),
    ("Task?_id=pointer&focus:Communication._id=secret", POINTER),
    ("CommunicationRequest?_id=quiet&_has:Communication:based-on:status=not-done", QUIET),
    ("CommunicationRequest?_id=quiet&_has:Communication:based-on:_id=secret", QUIET),
    ("CommunicationRequest?_id=quiet&_has:Communication:based-on:_has:Task:focus:status=requested", QUIET),
    ("CommunicationRequest?_id=quiet&_has:Communication:based-on:subject:Patient.name=oostra", QUIET),
]


@pytest.mark.parametrize("person", ["gp", "daughter", "outsider"])
@pytest.mark.parametrize(("query", "_"), LINKS)
def test_a_link_through_another_dossier_tells_nothing(crossing: Demo, person: str, query: str, _: str) -> None:
    """The caller may see at most one end: presence, count and total are as if the other end did not exist."""
    client = crossing.as_(person)
    reply, nothing = client.get(query), client.get(query.partition("?")[0] + "?_id=nothing-has-this-id")
    assert (reply.status, reply.ids(), reply.json["total"]) == (200, [], 0)
    assert client.get(f"{query}&_summary=count").json["total"] == 0
    assert client.get(f"{query}&_total=accurate").json["total"] == 0
    assert reply.json.keys() == nothing.json.keys()


@pytest.mark.parametrize(("query", "expected"), LINKS)
def test_the_same_links_hold_for_who_sees_both_ends(crossing: Demo, query: str, expected: str) -> None:
    assert found(crossing.as_("system").get(query)) == [expected]


@pytest.mark.parametrize("person", ["gp", "daughter"])
@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("CommunicationRequest?_id=quiet&_revinclude=Communication:based-on", QUIET),
        ("CommunicationRequest?_id=quiet&_revinclude=Communication:*&_revinclude:iterate=Task:focus", QUIET),
        ("Task?_id=pointer&_include=Task:focus&_include:iterate=Communication:subject", POINTER),
    ],
)
def test_nothing_of_another_dossier_comes_along(crossing: Demo, person: str, query: str, match: str) -> None:
    reply = crossing.as_(person).get(query)
    assert (found(reply), found(reply, "include"), reply.ids("outcome")) == ([match], [], [])
    assert b"other-client" not in reply.body
    assert set(found(crossing.as_("system").get(query), "include")) >= {SECRET}


@pytest.mark.parametrize("person", ["gp", "daughter", "outsider"])
def test_a_type_that_the_role_may_not_search_links_nothing(crossing: Demo, person: str) -> None:
    client = crossing.as_(person)
    assert client.get("Group").status == 403
    reply = client.get("CareTeam?subject:Group.identifier=x")
    assert (reply.status, reply.ids(), reply.json["total"]) == (200, [], 0)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("CareTeam?patient.colour=red", "search-parameter-unknown"),
        ("CareTeam?status.name=red", "search-chain"),
        ("CareTeam?patient:Group.name=red", "search-modifier"),
        ("CareTeam?encounter.status=planned", "search-parameter-unknown"),
        ("Patient?_has:MedicationDispense:patient:status=completed", "search-not-supported"),
        ("Patient?_has:CareTeam:participant", "search-has"),
        ("Practitioner?_has:CareTeam:patient:status=active", "search-has"),
        ("Patient?_revinclude=MedicationDispense:patient", "search-include"),
        ("Patient?_revinclude=Task:owner:Practitioner", "search-include"),
        ("Patient?_include=CareTeam:participant", "search-include"),
        ("Patient?_include:recurse=Patient:link", "search-modifier"),
        ("CareTeam?status:missing=perhaps", "search-value"),
        ("CareTeam?patient:not=Patient/1", "search-modifier"),
        ("MedicationDispense?patient=ansje&_revinclude=Provenance:target", "search-not-supported"),
        ("MedicationDispense?patient.name=veenstra", "patient-needed"),
    ],
)
def test_what_is_not_supported_is_a_clear_400(hub: Demo, query: str, detail: str) -> None:
    reply = hub.as_("system").get(query)
    assert (reply.status, reply.detail) == (400, detail), reply.body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Patient/ansje/CareTeam", [TEAM]),
        ("Patient/ansje/CareTeam?status=inactive", []),
        ("Patient/ansje/Communication?part-of=CommunicationRequest/thread-tablets&sent=2026", ["Communication/reply-tablets"]),
        ("Patient/ansje/Patient", ["Patient/ansje"]),
        ("Patient/other-client/CareTeam", [OTHER_TEAM]),
        ("Practitioner/gp-harmsen/CareTeam", [TEAM]),
        ("Practitioner/gp-harmsen/Practitioner", ["Practitioner/gp-harmsen"]),
        ("RelatedPerson/daughter-marije/CommunicationRequest?authored=2026-11-16", [THREAD]),
    ],
)
def test_a_search_within_a_compartment(hub: Demo, query: str, expected: list[str]) -> None:
    reply = hub.as_("system").get(query)
    assert found(reply) == expected
    assert reply.json["link"][0]["url"].endswith(f"/fhir/{query}")
    seen = [each for each in expected if each != OTHER_TEAM]
    assert found(hub.as_("gp").get(query)) == seen
    path, _, parameters = query.partition("?")
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert found(hub.as_("gp").request("POST", f"{path}/_search", parameters.encode(), **form)) == seen


def test_a_page_of_a_compartment_belongs_to_its_path(crossing: Demo) -> None:
    gp = crossing.as_("gp")
    first = gp.get("Patient/ansje/CommunicationRequest?_count=1")
    following = next(each["url"] for each in first.json["link"] if each["relation"] == "next")
    assert "/fhir/Patient/ansje/CommunicationRequest?_page=" in following
    second = gp.follow(following)
    pages = [found(first), found(second)]
    assert [len(page) for page in pages] == [1, 1]
    assert pages[0] != pages[1]
    assert {each["resource"]["subject"]["reference"] for page in (first, second) for each in page.json["entry"]} == {
        "Patient/ansje"
    }
    elsewhere = gp.follow(following.replace("Patient/ansje/", ""))
    assert (elsewhere.status, elsewhere.detail) == (400, "page-unknown")


def test_a_compartment_of_the_sources(hub: Demo) -> None:
    gp = hub.as_("gp")
    assert found(gp.get("Patient/ansje/MedicationDispense")) == found(gp.get("MedicationDispense?patient=ansje")) != []
    assert found(hub.as_("outsider").get("Patient/ansje/MedicationDispense")) == []


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("Patient/ansje/Organization", 404, "unknown-path"),
        ("Organization/practice-wold/CareTeam", 404, "unknown-path"),
        ("Patient/ansje/Media", 404, "unknown-path"),
        ("Patient/999990019/CareTeam", 400, "bsn-in-url"),
        ("Patient/a_b/CareTeam", 400, "bad-id"),
        ("Patient/ansje/Binary", 405, "interaction-not-supported"),
    ],
)
def test_a_path_that_is_no_compartment_is_refused(hub: Demo, path: str, status: int, detail: str) -> None:
    reply = hub.as_("system").get(path)
    assert (reply.status, reply.detail) == (status, detail)


def test_nothing_is_written_to_a_compartment(hub: Demo) -> None:
    assert hub.as_("system").request("POST", "Patient/ansje/CareTeam", {"resourceType": "CareTeam"}).status == 405


@pytest.mark.parametrize(("sort", "descending"), [("birthdate", False), ("-birthdate", True)])
def test_a_date_sorts_over_all_pages(hub: Demo, sort: str, *, descending: bool) -> None:
    system = hub.as_("system")
    dates = {"late": "1990-05-01", "early": "1931", "none": None, "middle": "1931-07"}
    made = [
        {"resourceType": "Patient", "id": f"sorted-{id_}", "name": [{"family": "Sorteer"}], **({"birthDate": date} if date else {})}
        for id_, date in dates.items()
    ]
    assert {system.put(each).status for each in made} <= {200, 201}
    reply, ids = system.get(f"Patient?name=sorteer&_sort={sort}&_count=1&_total=accurate"), []
    assert reply.json["total"] == len(made)
    while following := [each["url"] for each in reply.json["link"] if each["relation"] == "next"]:
        ids += reply.ids()
        reply = system.follow(following[0])
    known = ["early", "middle", "late"]
    assert [*ids, *reply.ids()] == [f"Patient/sorted-{id_}" for id_ in [*(known[::-1] if descending else known), "none"]]


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("_tag=https://example.org/tag|vlag", True),
        ("_tag=|vlag", False),
        ("_tag:not=https://example.org/tag|vlag", False),
        ("_tag:missing=false", True),
        ("_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R", True),
        ("_security:missing=true", False),
        ("_profile=http://example.org/StructureDefinition/location", True),
        ("_profile=http://example.org/StructureDefinition/other", False),
        ("_profile:missing=true", False),
        ("_source=https://example.org/bron", True),
        ("_source=https://example.org/", False),
    ],
)
def test_what_meta_says_is_searched(hub: Demo, query: str, *, hit: bool) -> None:
    system = hub.as_("system")
    meta = {
        "source": "https://example.org/bron",
        "profile": ["http://example.org/StructureDefinition/location"],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
        "tag": [{"system": "https://example.org/tag", "code": "vlag"}],
    }
    assert system.put({"resourceType": "Location", "id": "flagged", "meta": meta, "name": "Vlag"}).status in {200, 201}
    assert found(system.get(f"Location?_id=flagged&{query}")) == (["Location/flagged"] if hit else [])


def test_a_chain_narrows_what_the_sources_answer(hub: Demo) -> None:
    everything = found(hub.as_("gp").get("MedicationDispense?patient=ansje"))
    assert found(hub.as_("gp").get("MedicationDispense?patient=ansje&subject:Patient.name=veenstra")) == everything
    assert found(hub.as_("gp").get("MedicationDispense?patient=ansje&subject:Patient.name=oostra")) == []
    assert everything


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("medication.code=9900011", {"KANARIE-TABLET-7Q4Z 500MG"}),
        ("medication:Medication.code=urn:oid:2.16.840.1.113883.2.4.4.10|9900071", {"KANARIE-NACHTKUUR CAPSULE 500MG"}),
        ("medication.code=9900011&_summary=count", set()),
        ("medication.code=nothing", set()),
    ],
)
def test_a_chain_leads_on_within_what_the_sources_answer(hub: Demo, query: str, expected: set[str]) -> None:
    reply = hub.as_("gp").get(f"MedicationDispense?patient=ansje&{query}")
    assert reply.status == 200, reply.body
    assert {each["medicationReference"]["display"] for each in reply.resources} == expected
    assert hub.as_("outsider").get(f"MedicationDispense?patient=ansje&{query}").json["total"] == 0


def test_a_chain_finds_who_dispensed_at_the_source(hub: Demo) -> None:
    gp = hub.as_("gp")
    linde = found(gp.get("MedicationDispense?patient=ansje&performer:Organization.name:contains=linde"))
    assert linde
    assert set(linde) < set(found(gp.get("MedicationDispense?patient=ansje")))


def test_the_capability_statement_lists_the_ways_back(hub: Demo) -> None:
    types = {each["type"]: each for each in hub.as_("gp").get("metadata").json["rest"][0]["resource"]}
    assert "CareTeam:patient" in types["Patient"]["searchRevInclude"]
    assert "Communication:part-of" in types["CommunicationRequest"]["searchRevInclude"]


def test_a_chain_is_followed_however_deep(hub: Demo) -> None:
    system, deep = hub.as_("system"), 7
    for number in range(deep + 1):
        above = {"partOf": {"reference": f"Organization/deep-{number - 1}"}} if number else {}
        made = system.put({"resourceType": "Organization", "id": f"deep-{number}", "name": f"Diep {number}", **above})
        assert made.status in {200, 201}
    assert system.search("Organization", (f"{'partof:Organization.' * deep}name", "Diep 0")).ids() == [f"Organization/deep-{deep}"]
    for number in reversed(range(deep + 1)):
        assert system.request("DELETE", f"Organization/deep-{number}").status == 204
