"""History over HTTP: which versions are told, how, to whom, and page by page."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flows.client import Client, Demo, Reply

from fhir_server.validation import validate

TEAM = "CareTeam/network-ansje"


def place(id_: str, name: str) -> dict[str, Any]:
    return {"resourceType": "Location", "id": id_, "name": name}


def task(id_: str, status: str, patient: str = "Patient/ansje") -> dict[str, Any]:
    return {"resourceType": "Task", "id": id_, "status": status, "intent": "order", "for": {"reference": patient}}


def entries(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    bundle = reply.json
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "history")
    assert [issue for issue in validate(bundle) if issue.severity == "error"] == []
    return list(bundle.get("entry", []))


def told(reply: Reply) -> list[str]:
    """Return "id/version" of each entry."""
    return [each["fullUrl"].rsplit("/")[-1] + "/" + each["response"]["etag"][3:-1] for each in entries(reply)]


def link(reply: Reply, relation: str) -> str:
    return next((str(each["url"]) for each in reply.json.get("link", ()) if each["relation"] == relation), "")


def life(system: Client, id_: str) -> None:
    for name in ("Een", "Twee", "Twee", "Drie"):  # what changes nothing makes no version
        assert system.put(place(id_, name)).status in {200, 201}
    assert system.request("DELETE", f"Location/{id_}").status == 204


def test_the_versions_of_a_resource(hub: Demo) -> None:
    system = hub.as_("system")
    life(system, "history-life")
    reply = system.get("Location/history-life/_history")
    assert told(reply) == [f"history-life/{number}" for number in (4, 3, 2, 1)]
    assert reply.json["total"] == 4
    assert [each.get("resource", {}).get("name") for each in entries(reply)] == [None, "Drie", "Twee", "Een"]
    assert requests(reply) == [
        ("DELETE", "Location/history-life", "204"),
        ("PUT", "Location/history-life", "200"),
        ("PUT", "Location/history-life", "200"),
        ("PUT", "Location/history-life", "201"),
    ]
    for each in entries(reply)[1:]:
        meta = each["resource"]["meta"]
        assert each["response"]["etag"] == f'W/"{meta["versionId"]}"'
        assert each["response"]["lastModified"] == meta["lastUpdated"]
        assert each["resource"] == system.get(f"Location/history-life/_history/{meta['versionId']}").json
    assert link(reply, "self").endswith("/fhir/Location/history-life/_history")
    assert not link(reply, "next")


def requests(reply: Reply) -> list[tuple[str, str, str]]:
    return [(each["request"]["method"], each["request"]["url"], each["response"]["status"][:3]) for each in entries(reply)]


def test_how_a_version_came_about(hub: Demo) -> None:
    system = hub.as_("system")
    new = {name: value for name, value in place("", "Een").items() if name != "id"}
    id_ = system.post(new).json["id"]
    assert requests(system.get(f"Location/{id_}/_history")) == [("POST", "Location", "201")]
    system.put(place("history-back", "Een"))
    system.request("DELETE", "Location/history-back")
    system.put(place("history-back", "Een"))
    patch = [{"op": "replace", "path": "/name", "value": "Twee"}]
    system.request("PATCH", "Location/history-back", patch, Content_Type="application/json-patch+json")
    mine = "Location/history-back"
    of_mine = [("PUT", mine, "200"), ("PUT", mine, "201"), ("DELETE", mine, "204"), ("PUT", mine, "201")]
    assert requests(system.get(f"{mine}/_history")) == of_mine
    told = requests(system.get("Location/_history?_count=100"))
    assert [each for each in told if each[1] == mine] == of_mine


def test_how_conditional_writes_and_those_of_a_transaction_came_about(hub: Demo) -> None:
    system = hub.as_("system")
    new = {name: value for name, value in place("", "Een").items() if name != "id"}
    criteria = "Location?identifier=urn:history|put"
    known = {**new, "identifier": [{"system": "urn:history", "value": "put"}]}
    id_ = system.request("PUT", criteria, known).json["id"]
    assert requests(system.get(f"Location/{id_}/_history")) == [("PUT", f"Location/{id_}", "201")]
    writes = [
        {"request": {"method": "PUT", "url": f"Location/history-in-{number}"}, "resource": place(f"history-in-{number}", "Een")}
        for number in range(9)  # so many are written in other statements than one
    ]
    sent = [*writes[:8], {"request": {"method": "POST", "url": "Location"}, "resource": new}, writes[8]]
    done = system.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": sent})
    made = [each["response"]["location"].split("/fhir/")[1].split("/_history")[0] for each in done.json["entry"]]
    came = [requests(system.get(f"{each}/_history")) for each in made]
    assert came == [[("POST", "Location", "201")] if place == 8 else [("PUT", made[place], "201")] for place in range(10)]


def test_what_was_loaded_came_by_put(hub: Demo) -> None:
    assert requests(hub.as_("system").get(f"{TEAM}/_history"))[-1] == ("PUT", TEAM, "201")


def test_the_record_says_that_it_was_read(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje/_history?_count=1")
    statement = "SELECT actor, action, interaction, status, type, id, query FROM audit_event ORDER BY row DESC LIMIT 1"
    assert hub.rows(statement) == [("Practitioner/gp-harmsen", "R", "history-instance", 200, "Patient", "ansje", "_count")]


def pages(client: Client, url: str, between: Any = None) -> list[str]:
    found, reply = [], client.get(url)
    for turn in range(500):
        found += told(reply)
        following = link(reply, "next")
        if not following:
            return found
        if between:
            between(turn)
        reply = client.follow(following)
    raise AssertionError("the pages have no end")


def test_pages_stay_stable_while_others_write(hub: Demo) -> None:
    system = hub.as_("system")
    for number in range(7):
        system.put(place("history-pages", f"Naam {number}"))
        system.put(place(f"history-page-{number}", "Een"))

    def meanwhile(turn: int) -> None:
        system.put(place("history-pages", f"Later {turn}"))
        system.put(place(f"history-later-{turn}", "Een"))

    before = pages(system, "Location/history-pages/_history")
    assert pages(system, "Location/history-pages/_history?_count=2", meanwhile) == before
    of_type = pages(system, "Location/_history?_count=1000")
    assert pages(system, "Location/_history?_count=3", meanwhile)[: len(of_type)] == of_type
    assert len(set(of_type)) == len(of_type)


def test_a_page_knows_the_number_of_all_versions(hub: Demo) -> None:
    system = hub.as_("system")
    for number in range(5):
        system.put(place("history-total", f"Naam {number}"))
    first = system.get("Location/history-total/_history?_count=2")
    assert (len(entries(first)), first.json["total"]) == (2, 5)
    assert system.follow(link(first, "next")).json["total"] == 5
    for parameter in ("_count=0", "_summary=count"):
        counted = system.get(f"Location/history-total/_history?{parameter}")
        assert (entries(counted), counted.json["total"]) == ([], 5)
    assert system.get("Location/_history?_count=0").json["total"] >= 5


def test_a_page_belongs_to_its_caller_and_its_history(hub: Demo) -> None:
    system = hub.as_("system")
    for name in ("Een", "Twee"):
        system.put(place("history-own", name))
    page = link(system.get("Location/history-own/_history?_count=1"), "next").partition("?")[2]
    assert hub.as_("gp").get(f"Location/history-own/_history?{page}").status == 403
    for other in ("Location/_history", "Location", "Location/history-life/_history"):
        assert system.get(f"{other}?{page}").status in {400, 404}
    assert hub.as_("system").get(f"Location/history-own/_history?{page}").status == 200


def test_since_and_at(hub: Demo) -> None:
    system = hub.as_("system")
    moments = [system.put(place("history-when", name)).json["meta"]["lastUpdated"] for name in ("Een", "Twee", "Drie")]
    history = "Location/history-when/_history"
    assert told(system.search(history, ("_since", moments[1]))) == ["history-when/3", "history-when/2"]
    assert told(system.search(history, ("_since", "2099-01-01"))) == []
    assert told(system.search(history, ("_at", moments[2])))[0] == "history-when/3"
    assert told(system.search(history, ("_at", "2099-01-01T00:00:00Z"))) == ["history-when/3"]
    assert told(system.search(history, ("_at", "1999"))) == []
    day = datetime.fromisoformat(moments[0]).astimezone(ZoneInfo("Europe/Amsterdam")).date().isoformat()
    assert told(system.search(history, ("_at", day))) == [f"history-when/{number}" for number in (3, 2, 1)]


@pytest.mark.parametrize(
    "query",
    ["_since=yesterday", "_at=2024-13", "_count=-1", "_sort=_lastUpdated", "_list=x", "name=x", "_count=1&_count=2", "_page=x"],
)
def test_what_a_history_cannot_be_asked(hub: Demo, query: str) -> None:
    assert hub.as_("system").get(f"Location/_history?{query}").status == 400


def test_leniently_an_unknown_parameter_is_left_aside(hub: Demo) -> None:
    assert hub.as_("system").get("Location/_history?name=x&_count=1", Prefer="handling=lenient").status == 200


def test_the_members_see_the_history_of_their_dossier_and_nobody_else(hub: Demo) -> None:
    system = hub.as_("system")
    system.put(task("history-task", "requested"))
    system.put(task("history-task", "accepted"))
    system.put(task("history-foreign", "requested", "Patient/other-client"))
    versions = ["history-task/2", "history-task/1"]
    for person in ("gp", "nurse", "daughter", "client"):
        member = hub.as_(person)
        assert told(member.get("Task/history-task/_history")) == versions
        seen = told(member.get("Task/_history?_count=100"))
        assert set(versions) <= set(seen)
        assert "history-foreign/1" not in seen
        assert member.get("Task/history-foreign/_history").status == 403
        assert member.get("Task/_history?_summary=count").json["total"] == len(seen)
    outsider = hub.as_("outsider")  # of this dossier: a member of the other client's network
    assert outsider.get("Task/history-task/_history").status == 403
    assert not set(told(outsider.get("Task/_history"))) & set(versions)
    assert told(outsider.get("Task/history-foreign/_history")) == ["history-foreign/1"]
    assert hub.as_("operator").get("Task/_history").status == 403
    assert Client(hub.port).get("Task/_history").status == 401


def test_a_deletion_is_told_to_the_members_of_its_dossier(hub: Demo) -> None:
    system = hub.as_("system")
    system.put(task("history-gone", "requested"))
    system.request("DELETE", "Task/history-gone")
    for person in ("system", "gp", "client"):
        assert told(hub.as_(person).get("Task/history-gone/_history")) == ["history-gone/2", "history-gone/1"]
        assert "history-gone/2" in told(hub.as_(person).get("Task/_history"))
    assert hub.as_("outsider").get("Task/history-gone/_history").status == 403


def test_no_history_of_what_was_never_stored(hub: Demo) -> None:
    system = hub.as_("system")
    assert system.get("Location/never-was/_history").status == 404
    assert system.get("MedicationDispense/_history").status == 405
    assert system.get("MedicationDispense/x/_history").status == 405
    assert system.request("POST", "Location/_history", {}).status == 405


def test_head_and_xml(hub: Demo) -> None:
    system = hub.as_("system")
    head = system.request("HEAD", f"{TEAM}/_history")
    assert (head.status, head.body) == (200, b"")
    xml = system.get("Location/_history?_format=xml&_count=2")
    assert xml.body.startswith(b"<") and b'<type value="history"/>' in xml.body  # noqa: PT018 - one document
