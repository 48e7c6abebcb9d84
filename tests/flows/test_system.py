"""Search over all types, of a whole compartment, and the history of the whole system: complete, and nothing foreign."""

from typing import Any

import pytest
from flows.client import Client, Demo, Reply

from fhir_server.bootstrap import now, token_for
from fhir_server.settings import read_settings
from fhir_server.validation import validate

OURS, THEIRS = "Patient/ansje", "Patient/other-client"
MEMBERS = ("gp", "nurse", "daughter", "client")
FORM = "application/x-www-form-urlencoded"
TAG = "http://example.org/tags"
RECORD = "SELECT actor, action, interaction, status, type, id, dossier, query FROM audit_event ORDER BY row DESC LIMIT 1"


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


def token(hub: Demo, reference: str, role: str, scope: str, patient: str = "") -> Client:
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(hub.folder), "FHIR_SERVER_PORT": str(hub.port)})
    return Client(hub.port, token_for(settings, reference, role, ttl=600, at=now(), scope=scope, patient=patient))


def tagged(reference: str, code: str, **more: Any) -> dict[str, Any]:
    type_, _, id_ = reference.partition("/")
    return {"resourceType": type_, "id": id_, "meta": {"tag": [{"system": TAG, "code": code}]}, **more}


def note(id_: str, patient: str, code: str) -> dict[str, Any]:
    return tagged(f"Communication/{id_}", code, status="completed", subject={"reference": patient})


def stored(hub: Demo, *resources: dict[str, Any]) -> list[str]:
    """Store ``resources`` and return their references, what changed last first."""
    assert {hub.as_("system").put(each).status for each in resources} <= {200, 201}
    return [f"{each['resourceType']}/{each['id']}" for each in reversed(resources)]


def checked(reply: Reply) -> Reply:
    assert reply.status == 200, reply.body
    assert [issue for issue in validate(reply.json) if issue.severity == "error"] == []
    return reply


def link(reply: Reply, relation: str) -> str:
    return next((str(each["url"]) for each in reply.json.get("link", ()) if each["relation"] == relation), "")


def mixed(hub: Demo, code: str, number: int = 3) -> list[str]:
    made = []
    for each in range(number):
        made.append(tagged(f"Location/{code}-{each}", code, name="Hier"))
        made.append(note(f"{code}-{each}", OURS, code))
        made.append(tagged(f"Organization/{code}-{each}", code, name="Wij"))
    return stored(hub, *made)


def addresses(bundle: dict[str, Any]) -> list[str]:
    """Return what the entries are about; that sources were not asked is told in an entry that is about nothing."""
    return [each["fullUrl"].partition("/fhir/")[2] for each in bundle.get("entry", ()) if "fullUrl" in each]


def test_all_types_are_searched_at_once(hub: Demo) -> None:
    expected = mixed(hub, "all-types")
    system = hub.as_("system")
    for path in ("?_tag={}", "/?_tag={}"):
        reply = checked(system.get(f"/fhir{path.format('all-types')}"))
        assert reply.ids() == expected
        assert reply.json["total"] == len(expected)
        assert link(reply, "self").endswith("/fhir/?_tag=all-types")
    assert system.get(f"/fhir?_tag={TAG}|all-types&_sort=_lastUpdated").ids() == expected[::-1]
    assert system.get("/fhir?_tag=all-types&_type=Communication,Location").ids() == [
        each for each in expected if not each.startswith("Organization")
    ]
    assert system.get("/fhir?_tag=all-types&_id=all-types-1").ids() == [
        "Organization/all-types-1",
        "Communication/all-types-1",
        "Location/all-types-1",
    ]
    for query in ("_summary=count", "_count=0"):
        counted = checked(system.get(f"/fhir?_tag=all-types&{query}"))
        assert (addresses(counted.json), counted.json["total"]) == ([], len(expected))
    posted = checked(system.request("POST", "_search?_type=Communication", b"_tag=all-types", Content_Type=FORM))
    assert posted.ids() == [each for each in expected if each.startswith("Communication")]
    assert link(posted, "self").endswith("/fhir/")
    head = system.request("HEAD", "/fhir?_tag=all-types")
    assert (head.status, head.body) == (200, b"")


def test_parameters_that_all_named_types_have(hub: Demo) -> None:
    system = hub.as_("system")
    stored(hub, note("named-types", THEIRS, "named-types"))
    query = "/fhir?_type=Communication,CommunicationRequest,CareTeam&patient=Patient/other-client"
    assert set(checked(system.get(query)).ids()) >= {"Communication/named-types", "CareTeam/network-other"}
    assert not set(system.get(query).ids()) & {"CareTeam/network-ansje", "Communication/reply-tablets"}
    chained = "/fhir?_type=Communication,CareTeam&patient.name=oostra"
    assert set(system.get(chained).ids()) >= {"Communication/named-types", "CareTeam/network-other"}
    assert "CareTeam/network-ansje" not in system.get(chained).ids()
    refused = system.get("/fhir?_type=Communication,Location&patient=other-client")
    assert (refused.status, refused.detail) == (400, "search-parameter-unknown")
    lenient = system.get("/fhir?_type=Communication,Location&patient=x&_tag=named-types", Prefer="handling=lenient")
    assert lenient.ids() == ["Communication/named-types"]
    assert [each["resourceType"] for each in lenient.resources] == ["Communication", "OperationOutcome"]


@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_pages_over_several_types_have_no_gap_and_no_double(hub: Demo, sort: str, count: int) -> None:
    expected = mixed(hub, "pages")
    if sort == "_lastUpdated":
        expected.reverse()
    system = hub.as_("system")
    pages = list(system.pages(f"/fhir?_tag=pages&_sort={sort}&_count={count}&_total=accurate"))
    assert [one for page in pages for one in page.ids()] == expected
    assert {page.json["total"] for page in pages} == {len(expected)}
    assert all(len(page.ids()) <= count for page in pages)
    assert len(pages) == -(-len(expected) // count)
    assert "pages" not in link(pages[0], "next").partition("?")[2]


def test_a_page_belongs_to_its_caller_and_its_search(hub: Demo) -> None:
    mixed(hub, "own-page")
    page = link(hub.as_("gp").get("/fhir?_tag=own-page&_count=1"), "next").partition("?")[2]
    assert hub.as_("gp").get(f"/fhir?{page}").status == 200
    assert hub.as_("nurse").get(f"/fhir?{page}").status == 403
    for other in ("Communication?", "Patient/ansje/*?", "_history?"):
        assert hub.as_("gp").get(f"{other}{page}").status in {400, 404}


@pytest.mark.parametrize(
    "paging", ["/fhir?_tag=narrow&_total=accurate&_count=1", "Communication?_tag=narrow&_count=1", "_history?_count=1"]
)
def test_a_page_that_a_wider_token_began_tells_a_narrower_one_nothing(hub: Demo, paging: str) -> None:
    mixed(hub, "narrow")
    following = link(hub.as_("system").get(paging), "next")
    narrower = token(hub, "Device/platform", "system", "system/*.cruds", "other-client")
    fewer = token(hub, "Device/platform", "system", "system/Communication.rs system/CareTeam.rs")
    for each in (narrower, fewer):
        refused = each.follow(following)
        assert (refused.status, refused.detail) == (403, "page-foreign")
    same = token(hub, "Device/platform", "system", "system/*.cruds")
    assert same.get(paging).status == 200


def test_what_comes_along(hub: Demo) -> None:
    stored(hub, note("along", OURS, "along"), tagged("Location/along", "along", name="Hier"))
    reply = checked(hub.as_("gp").get("/fhir?_type=Communication,CareTeam&_tag=along&_include=Communication:patient"))
    assert (reply.ids(), reply.ids("include")) == (["Communication/along"], ["Patient/ansje"])
    reverse = hub.as_("gp").get("/fhir?_type=Patient&_id=ansje&_revinclude=CareTeam:patient&_include:iterate=CareTeam:participant")
    assert {"CareTeam/network-ansje", "Practitioner/gp-harmsen"} <= set(reverse.ids("include"))
    assert hub.as_("gp").get("/fhir?_type=Communication&_include=CareTeam:patient").status == 400


@pytest.mark.parametrize(
    "query",
    [
        "_type=",
        "_type=,",
        "_type=Nonsense",
        "_type=Communication,nonsense",
        "_type=Communication,,CareTeam",
        "_type=Binary",
        "_type=999990019",
        "_type=Communication&_type=CareTeam",
        "_type:not=Communication",
        "_type=Communication%00",
        "_type=*",
        "_type=../Patient",
        "_type=" + "Communication/" * 500,
        "name=x",
        "_sort=date",
        "_sort=-_id",
        "_count=abc",
        "_page=forged",
        "_filter=x",
        "_type=Patient,RelatedPerson&identifier=http://fhir.nl/fhir/NamingSystem/bsn|999990019",
        "_has:Task:focus:status=requested",
        "&".join(f"_tag=a{number}" for number in range(101)),
    ],
)
def test_what_cannot_be_asked(hub: Demo, query: str) -> None:
    reply = hub.as_("system").get(f"/fhir?{query}")
    assert (reply.status, reply.json["resourceType"]) == (400, "OperationOutcome"), reply.body
    assert "999990019" not in reply.body.decode()


def test_federated_types_are_no_part_of_it(hub: Demo) -> None:
    stored(hub, note("beside", OURS, "beside"))
    reply = checked(hub.as_("gp").get("/fhir?_type=Communication,MedicationDispense&_tag=beside"))
    assert reply.ids() == ["Communication/beside"]
    outcome = next(each for each in reply.resources if each["resourceType"] == "OperationOutcome")
    assert outcome["issue"][0]["severity"] == "warning"
    assert "MedicationDispense" in outcome["issue"][0]["details"]["text"]
    assert hub.as_("gp").get("/fhir?_type=MedicationDispense").ids() == []
    assert b"MedicationDispense" not in hub.as_("gp").get("/fhir?_tag=beside").body


@pytest.mark.parametrize("person", MEMBERS)
@pytest.mark.parametrize(
    "path", ["/fhir?_count=100", "Patient/ansje/*?_count=100", "Patient/other-client/*?_count=100", "_history?_count=100"]
)
def test_members_see_their_dossier_and_nothing_else(hub: Demo, person: str, path: str) -> None:
    stored(hub, note("mine", OURS, "reach"), note("foreign", THEIRS, "reach"))
    client = hub.as_(person)
    seen = [found for page in client.pages(path) for found in addresses(page.json)]
    assert not {"Communication/foreign", THEIRS, "CareTeam/network-other"} & set(seen)
    assert b"other-client" not in b"".join(page.body for page in client.pages(path)).replace(b"/Patient/other-client/*", b"")
    assert ("Communication/mine" in seen) == (not path.startswith(THEIRS))
    total = client.get(path.replace("_count=100", "_summary=count")).json["total"]
    assert total == len(seen)


def test_an_outsider_sees_nothing_of_it(hub: Demo) -> None:
    stored(hub, note("mine", OURS, "reach"), note("foreign", THEIRS, "reach"))
    outsider = hub.as_("outsider")
    assert outsider.get("/fhir?_tag=reach").ids() == ["Communication/foreign"]
    assert outsider.get("/fhir?_tag=reach&_summary=count").json["total"] == 1
    nothing = outsider.get("Patient/ansje/*?_count=1")
    assert (nothing.status, nothing.ids(), nothing.json["total"], link(nothing, "next")) == (200, [], 0, "")
    assert outsider.get("Patient/ansje/*?_summary=count").json["total"] == 0
    told = {
        entry["fullUrl"].partition("/fhir/")[2] for page in outsider.pages("_history?_count=100") for entry in page.json["entry"]
    }
    assert "Communication/foreign" in told
    assert not {"Communication/mine", OURS, "CareTeam/network-ansje", "Communication/reply-tablets"} & told


@pytest.mark.parametrize("path", ["/fhir", "Patient/ansje/*", "_history"])
def test_who_may_ask_at_all(hub: Demo, path: str) -> None:
    assert Client(hub.port).get(path).status == 401
    assert Client(hub.port, "nonsense").get(path).status == 401
    refused = hub.as_("operator").get(path)
    assert (refused.status, refused.json["resourceType"]) == (403, "OperationOutcome")
    assert token(hub, "Practitioner/gp-harmsen", "practitioner", "openid").get(path).status == 403
    assert token(hub, "Practitioner/gp-harmsen", "practitioner", "user/*.r").get(path).status == 403


def test_scopes_narrow_it(hub: Demo) -> None:
    stored(hub, note("scoped", OURS, "scoped"), tagged("Organization/scoped", "scoped", name="Wij"))
    gp = token(hub, "Practitioner/gp-harmsen", "practitioner", "user/Communication.rs user/CareTeam.r")
    assert {each.partition("/")[0] for each in gp.get("/fhir?_count=100").ids()} == {"Communication"}
    assert {each.partition("/")[0] for each in gp.get("Patient/ansje/*?_count=100").ids()} == {"Communication"}
    types = {each["fullUrl"].partition("/fhir/")[2].partition("/")[0] for each in gp.get("_history").json["entry"]}
    assert types == {"Communication"}
    for named in ("Organization", "CareTeam", "Communication,CareTeam", "MedicationDispense"):
        refused = gp.get(f"/fhir?_type={named}")
        assert (refused.status, refused.detail) == (403, "insufficient_scope")
    assert hub.as_("gp").get("/fhir?_type=Group").status == 403


def test_what_the_scopes_leave_out_is_told(hub: Demo) -> None:
    gp = token(hub, "Practitioner/gp-harmsen", "practitioner", "user/Communication.rs user/CareTeam.r")
    for path, there in (("Patient/ansje/*?_count=100", False), ("/fhir?_count=1", True), ("Patient/ansje/*?_count=0", False)):
        reply = checked(gp.get(path))
        [issue] = next(each["resource"]["issue"] for each in reply.json["entry"] if each["search"]["mode"] == "outcome")
        assert (issue["severity"], issue["code"]) == ("warning", "suppressed")
        assert issue["details"]["coding"][0]["code"] == "insufficient_scope"
        names = set(issue["details"]["text"].partition(": ")[2].partition(".")[0].split(", "))
        assert {"CareTeam", "Patient", "Consent"} <= names
        assert ("Location" in names) is there
        assert not {"Communication", "Group", "MedicationDispense"} & names
    assert b"insufficient_scope" not in hub.as_("gp").get("Patient/ansje/*").body
    assert gp.get("/fhir?_type=Communication").ids("outcome") == []


def test_a_token_for_one_patient_reaches_that_patient_only(hub: Demo) -> None:
    stored(hub, note("mine", OURS, "bound"), note("foreign", THEIRS, "bound"))
    for who, role in (("Device/platform", "system"), ("Practitioner/gp-harmsen", "practitioner")):
        scope = "patient/*.rs"
        mine, foreign = (token(hub, who, role, scope, patient) for patient in ("ansje", "other-client"))
        assert mine.get("/fhir?_tag=bound").ids() == ["Communication/mine"]
        assert mine.get("Patient/other-client/*?_tag=bound").ids() == []
        assert foreign.get("/fhir?_tag=bound").ids() == (["Communication/foreign"] if role == "system" else [])
        told = mine.get("_history?_count=100").body
        assert b"Communication/mine" in told
        assert b"other-client" not in told


def test_everything_in_the_compartment_of_a_patient(hub: Demo) -> None:
    stored(hub, note("compartment", OURS, "compartment"), tagged("Location/compartment", "compartment", name="Hier"))
    gp = hub.as_("gp")
    reply = checked(gp.get("Patient/ansje/*?_count=100"))
    assert {"Communication/compartment", OURS, "CareTeam/network-ansje", "RelatedPerson/daughter-marije"} <= set(reply.ids())
    assert not {"Location/compartment", THEIRS} & set(reply.ids())
    assert reply.json["total"] == len(reply.ids())
    assert link(reply, "self").endswith("/fhir/Patient/ansje/*?_count=100")
    assert gp.get("Patient/ansje/%2A?_type=Communication&_tag=compartment").ids() == ["Communication/compartment"]
    assert gp.get("Patient/ansje?_type=Communication&_tag=compartment").ids() == ["Communication/compartment"]
    assert gp.request("POST", "Patient/ansje/_search", b"_type=Communication&_tag=compartment", Content_Type=FORM).ids() == [
        "Communication/compartment"
    ]
    pages = list(gp.pages("Patient/ansje/*?_count=3"))
    assert [one for page in pages for one in page.ids()] == reply.ids()
    assert gp.get("Patient/ansje?_pretty=true").json["resourceType"] == "Patient"


def test_the_compartments_of_others(hub: Demo) -> None:
    thread = {"reference": "RelatedPerson/daughter-marije"}
    stored(hub, {**note("by-daughter", OURS, "by-daughter"), "sender": thread})
    gp = hub.as_("gp")
    assert "Communication/by-daughter" in gp.get("RelatedPerson/daughter-marije/*?_count=100").ids()
    assert "CareTeam/network-ansje" in gp.get("Practitioner/gp-harmsen/*?_count=100").ids()
    assert "Practitioner/gp-harmsen" in gp.get("Practitioner/gp-harmsen/*?_count=100").ids()
    assert gp.get("Device/platform/*").ids() == []
    assert gp.get("Organization/practice-wold/*").status == 404
    for query in ("_type=Organization", "_type=Communication,Organization", "_type=x"):
        assert gp.get(f"Patient/ansje/*?{query}").status == 400
    assert gp.get("Patient/999990019/*").status == 400
    assert gp.request("POST", "Patient/ansje/*", {}).status == 405
    assert gp.request("POST", "Patient/ansje/*", {}).headers["allow"] == "GET, HEAD"


def test_attachments_are_no_part_of_it_for_members(hub: Demo) -> None:
    system = hub.as_("system")
    file = {"resourceType": "Binary", "id": "not-searched", "contentType": "text/plain", "securityContext": {"reference": OURS}}
    assert system.put({**file, "data": "YWJj"}).status in {200, 201}
    assert hub.as_("gp").get("Binary/not-searched").body == b"abc"
    for path in ("_history?_count=100", "/fhir?_count=100", "Patient/ansje/*?_count=100"):
        assert b"Binary/not-searched" not in b"".join(page.body for page in hub.as_("gp").pages(path))
    assert b"Binary/not-searched" in system.get("_history?_count=20").body


def told(reply: Reply) -> list[str]:
    """Return "Type/id/version" of each entry."""
    assert reply.json["type"] == "history"
    entries = checked(reply).json.get("entry", [])
    return [each["fullUrl"].partition("/fhir/")[2] + "/" + each["response"]["etag"][3:-1] for each in entries]


def test_the_history_of_everything(hub: Demo) -> None:
    system = hub.as_("system")
    since = stored_at(hub, "Location/history-begin")
    for status in ("in-progress", "completed"):
        system.put({**note("history-all", OURS, "history"), "status": status})
        system.put(tagged("Organization/history-all", "history", name=status))
    system.request("DELETE", "Organization/history-all")
    expected = [
        *("Organization/history-all/3", "Organization/history-all/2", "Communication/history-all/2"),
        *("Organization/history-all/1", "Communication/history-all/1", "Location/history-begin/1"),
    ]
    whole = system.search("_history", ("_since", since))
    assert told(whole) == expected
    assert whole.json["total"] == len(expected)
    for count in (1, 2, 4):
        assert [
            one for page in system.pages(f"_history?_since={since.replace('+', '%2B')}&_count={count}") for one in told(page)
        ] == expected
    assert [each for each in told(hub.as_("gp").search("_history", ("_since", since))) if "history-all" in each] == [
        "Communication/history-all/2",
        "Communication/history-all/1",
    ]
    head = system.request("HEAD", "_history?_count=1")
    assert (head.status, head.body) == (200, b"")
    for query in ("_type=Communication", "name=x", "_sort=_lastUpdated", "_since=x", "_page=forged"):
        assert system.get(f"_history?{query}").status == 400
    assert system.request("POST", "_history", {}).status == 405


def stored_at(hub: Demo, reference: str) -> str:
    reply = hub.as_("system").put(tagged(reference, "begin", name="Begin"))
    return str(reply.json["meta"]["lastUpdated"])


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/fhir?_tag=x", ("E", "search-system", 200, "", "", "", "_tag")),
        ("HEAD", "/fhir", ("E", "search-system", 200, "", "", "Patient/ansje", "")),
        ("GET", "/fhir?_type=nonsense", ("E", "search-system", 400, "", "", "", "_type")),
        ("GET", "Patient/ansje/*", ("E", "search-system", 200, "", "", "Patient/ansje", "")),
        ("GET", "_history?_count=0", ("E", "history-system", 200, "", "", "", "_count")),
    ],
)
def test_one_line_in_the_record(hub: Demo, method: str, path: str, expected: tuple[object, ...]) -> None:
    before = hub.recorded()
    hub.as_("gp").request(method, path)
    assert hub.recorded() == before + 1
    assert hub.rows(RECORD)[0] == ("Practitioner/gp-harmsen", *expected)


def test_in_a_batch(hub: Demo) -> None:
    expected = mixed(hub, "batch")
    urls = (
        "?_tag=batch",
        "Patient/ansje/*?_tag=batch",
        "_history?_count=1",
        "Patient/ansje?_type=Communication&_tag=batch",
        "?_type=x",
    )
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url}} for url in urls]}
    before = hub.recorded()
    answers = hub.as_("gp").request("POST", "/fhir", bundle).json["entry"]
    notes = [each for each in expected if each.startswith("Communication")]
    found = [addresses(each["resource"]) for each in answers[:4]]
    assert [each["response"]["status"][:3] for each in answers] == ["200", "200", "200", "200", "400"]
    assert (found[0], found[1], len(found[2]), found[3]) == (notes, notes, 1, notes)
    assert hub.recorded() == before + len(urls) + 1
