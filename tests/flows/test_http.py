"""HTTP itself, over the wire: heads, preconditions, preferences, methods, formats, compressed bodies, ids of requests."""

import gzip
import http.client
import json
from typing import Any

import pytest
from flows.client import Client, Demo, Reply

from fhir_server.validation import validate

pytestmark = pytest.mark.parametrize("hub", ["sqlite"], indirect=True)  # no statement to the store differs

OF_EACH_REQUEST = {"x-request-id", "traceparent", "date", "server"}


def place(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Location", "id": id_, "name": "Een", **more}


@pytest.mark.parametrize(
    "path",
    [
        "metadata",
        "Patient",
        "Patient/ansje",
        "Patient/ansje/",
        "Patient/ansje?_format=xml&_pretty=true",
        "Patient/ansje?_summary=true",
        "Patient/ansje/_history",
        "Patient/ansje/_history/1",
        "Patient/_history?_count=2",
        "Patient/ansje/CareTeam",
        "MedicationDispense?patient=ansje&_summary=count",
        "Patient/nobody",
        "Patient?colour=blue",
        "Nonsense",
    ],
)
def test_head_is_get_without_the_body(hub: Demo, path: str) -> None:
    system = hub.as_("system")
    for accepted in ("identity", "gzip"):
        got, head = system.get(path, Accept_Encoding=accepted), system.request("HEAD", path, Accept_Encoding=accepted)
        assert (head.status, head.body) == (got.status, b"")
        kept = [{name: value for name, value in each.headers.items() if name not in OF_EACH_REQUEST} for each in (got, head)]
        assert kept[0].keys() == kept[1].keys()
        if "patient=" not in path:  # the answer of sources has times in it
            if accepted == "gzip":  # so has a Bundle, and a time is compressed to more or fewer bytes
                assert all(each.pop("content-length") for each in kept)
            assert kept[0] == kept[1]


def test_a_body_of_get_and_of_delete_is_left_aside(hub: Demo) -> None:
    system = hub.as_("system")
    assert system.request("GET", "Patient/ansje", b"{", Content_Type="text/plain").status == 200
    system.put(place("http-body"))
    assert system.request("DELETE", "Location/http-body", b"{").status == 204


def test_unchanged(hub: Demo) -> None:
    system = hub.as_("system")
    got = system.get("Patient/ansje")
    tag, modified = got.headers["etag"], got.headers["last-modified"]
    for headers in (
        {"If_None_Match": tag},
        {"If_None_Match": tag.removeprefix("W/")},
        {"If_None_Match": f'"99", {tag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"If_None_Match": tag, "If_Modified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    ):
        reply = system.get("Patient/ansje", **headers)
        assert (reply.status, reply.body) == (304, b""), headers
        assert (reply.headers["etag"], reply.headers["last-modified"]) == (tag, modified)
        assert reply.headers["vary"] == got.headers["vary"]
        assert "content-type" not in reply.headers
    for headers in (
        {"If_None_Match": '"99"'},
        {"If_None_Match": '"99"', "If_Modified_Since": modified},
        {"If_Modified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"If_Modified_Since": "yesterday"},
    ):
        assert system.get("Patient/ansje", **headers).status == 200, headers
    assert system.get("Patient/ansje/_history/1", If_None_Match='W/"1"').status == 304


def write(system: Client, method: str, id_: str, **headers: str) -> int:
    """Send a write that changes something each time, and return the status."""
    reply = system.request("GET", f"Location/{id_}")
    name = reply.json.get("name", "") + "x"
    if method == "PATCH":
        patch = {"Content_Type": "application/merge-patch+json"}
        return system.request("PATCH", f"Location/{id_}", {"name": name}, **patch, **headers).status
    return system.request(method, f"Location/{id_}", place(id_, name=name), **headers).status


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match(hub: Demo, method: str) -> None:
    system = hub.as_("system")
    id_ = f"http-if-match-{method.lower()}"
    system.put(place(id_))
    for wrong in ('"99"', 'W/"99", "98"', "1", '"*"'):
        assert write(system, method, id_, If_Match=wrong) == 412
    for right in ("W/{}", "{}", '"99", W/{}', "*"):
        tag = system.put(place(id_)).headers["etag"].removeprefix("W/")
        assert write(system, method, id_, If_Match=right.format(tag)) in {200, 204}
    system.request("DELETE", f"Location/{id_}")
    assert write(system, method, id_, If_Match="*") in {410, 412}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_unmodified_since(hub: Demo, method: str) -> None:
    system = hub.as_("system")
    id_ = f"http-unmodified-{method.lower()}"
    made = system.put(place(id_)).headers
    before, long_ago = "Wed, 01 Jan 2020 00:00:00 GMT", {"If_Unmodified_Since": "Wed, 01 Jan 2020 00:00:00 GMT"}
    assert write(system, method, id_, **long_ago) == 412
    assert system.get(f"Location/{id_}").headers["etag"] == made["etag"]
    assert write(system, method, id_, If_Match='W/"99"', **long_ago) == 412
    for headers in (
        {"If_Unmodified_Since": made["last-modified"]},
        {"If_Unmodified_Since": "whenever"},
        {"If_Unmodified_Since": before, "If_Match": "*"},
    ):
        system.put(place(id_))
        since = system.get(f"Location/{id_}").headers["last-modified"]
        sent = {name: since if value == made["last-modified"] else value for name, value in headers.items()}
        assert write(system, method, id_, **sent) in {200, 204}, headers
    system.request("DELETE", f"Location/{id_}")
    assert write(system, method, id_, **long_ago) in {201, 204, 410}, "there is nothing that could have changed"


def test_if_none_match_makes_a_put_create_only(hub: Demo) -> None:
    system = hub.as_("system")
    system.request("DELETE", "Location/http-once")
    assert write(system, "PUT", "http-once", If_None_Match="*") == 201
    assert write(system, "PUT", "http-once", If_None_Match="*") == 412
    tag = system.get("Location/http-once").headers["etag"]
    assert write(system, "PUT", "http-once", If_None_Match=tag) == 412
    assert write(system, "PUT", "http-once", If_None_Match='"99"') == 200


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        ("", "Location"),
        ("return=representation", "Location"),
        ("return=minimal", ""),
        ('handling=strict, Return="minimal"', ""),
        ("respond-async; return=OperationOutcome", "OperationOutcome"),
        ("return=minimal, return=representation", ""),
        ("return=everything", "Location"),
        ("x-return=minimal", "Location"),
    ],
)
def test_what_a_write_returns(hub: Demo, prefer: str, expected: str) -> None:
    system = hub.as_("system")
    reply = system.post({"resourceType": "Location", "name": "Een"}, Prefer=prefer)
    assert reply.status == 201
    assert (reply.json["resourceType"] if reply.body else "") == expected
    assert reply.headers["location"].endswith(f"/_history/{reply.headers['etag'][3:-1]}")
    assert reply.headers["last-modified"]


def test_lenient_or_not(hub: Demo) -> None:
    system = hub.as_("system")
    for lenient in ("handling=lenient", 'return=minimal, Handling="lenient"'):
        assert system.get("Patient?colour=blue", Prefer=lenient).status == 200
    for strict in ("handling=strict", "handling=strict, handling=lenient", "x-handling=lenient"):
        assert system.get("Patient?colour=blue", Prefer=strict).status == 400


def test_who_asks_for_strict_hears_of_every_unknown_parameter(hub: Demo) -> None:
    system = hub.as_("system")
    assert [system.get("Patient?_colour=blue", Prefer=each).status for each in ("handling=strict", "handling=lenient")] == [
        400,
        200,
    ]
    assert system.get("Patient?_colour=blue").status == 200
    known = "Patient?_id=ansje&_format=json&_pretty=false&_count=1&_total=none&_contained=false&_containedType=container"
    found = system.get(known, Prefer="handling=strict")
    assert (found.status, found.ids()) == (200, ["Patient/ansje"])
    for other in ("_contained=true", "_contained=both", "_containedType=contained", "_contained:x=false"):
        assert system.get(f"Patient?{other}").status == 400


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("OPTIONS", "/fhir", "POST"),
        ("OPTIONS", "metadata", "GET, HEAD"),
        ("POST", "Patient/ansje", "GET, HEAD, PUT, PATCH, DELETE"),
        ("BREW", "Patient/ansje", "GET, HEAD, PUT, PATCH, DELETE"),
        ("PUT", "MedicationDispense/x", "GET, HEAD"),
        ("PATCH", "Patient/ansje/_history", "GET, HEAD"),
        ("GET", "Patient/_search", "POST"),
        ("DELETE", "Patient/ansje/CareTeam", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_possible(hub: Demo, method: str, path: str, allow: str) -> None:
    reply = hub.as_("system").request(method, path)
    assert reply.status == 405
    assert set(allow.split(", ")) <= set(reply.headers["allow"].split(", "))
    assert method not in reply.headers["allow"]
    assert reply.json["resourceType"] == "OperationOutcome"


def test_formats(hub: Demo) -> None:
    system = hub.as_("system")
    for named in ("json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"):
        assert system.get(f"Patient/ansje?_format={named}", Accept="application/fhir+xml").json["id"] == "ansje"
    for named in ("xml", "application/xml", "application/fhir%2Bxml", "application/fhir+xml", "text/xml"):
        assert system.get(f"Patient/ansje?_format={named}").body.startswith(b"<")
    form = {"Content_Type": "Application/X-WWW-form-urlencoded"}
    assert b"<Bundle" in system.request("POST", "Patient/_search", b"_id=ansje&_format=xml", **form).body
    for named in ("text/html", "html", "ttl", "application/fhir+turtle", ""):
        assert system.get(f"Patient/ansje?_format={named}").status == 400
    assert system.get("Patient/ansje", Accept="text/turtle").status == 406
    assert system.get("Patient/ansje", Accept="application/fhir+json; fhirVersion=3.0").status == 406
    assert system.get("Patient/ansje", Accept="application/fhir+xml; fhirVersion=4.0").body.startswith(b"<")
    refused = system.get("Patient/nobody", Accept="application/fhir+xml")
    assert refused.status == 404
    assert b"<OperationOutcome" in refused.body


def test_pretty(hub: Demo) -> None:
    system = hub.as_("system")
    plain, pretty = system.get("Patient/ansje"), system.get("Patient/ansje?_pretty=true")
    assert plain.json == pretty.json
    assert pretty.body.count(b"\n") > 10
    assert system.get("Patient/ansje?_pretty=false").body == plain.body
    xml = system.get("Patient/ansje?_pretty=true&_format=xml").body
    assert xml.count(b"\n") > 10
    assert system.get("Patient/ansje?_pretty=nicely").status == 400


def test_a_compressed_body(hub: Demo) -> None:
    system = hub.as_("system")
    packed = gzip.compress(json.dumps(place("http-gzip")).encode())
    assert system.request("PUT", "Location/http-gzip", packed, Content_Encoding="gzip").status in {200, 201}
    assert system.get("Location/http-gzip").json["name"] == "Een"
    form = gzip.compress(b"_id=http-gzip")
    typed = {"Content_Type": "application/x-www-form-urlencoded", "Content_Encoding": "gzip"}
    assert system.request("POST", "Location/_search", form, **typed).ids() == ["Location/http-gzip"]
    broken = system.request("PUT", "Location/http-gzip", packed[:-3], Content_Encoding="gzip")
    assert (broken.status, broken.detail) == (400, "malformed-body")
    bomb = gzip.compress(b'{"resourceType":"Location","name":"' + b"x" * 30_000_000 + b'"}')
    refused = system.request("POST", "Location", bomb, Content_Encoding="gzip")
    assert (refused.status, refused.detail) == (413, "body-too-large")
    other = system.request("POST", "Location", packed, Content_Encoding="br")
    assert (other.status, other.headers["accept-encoding"]) == (415, "gzip, deflate, identity")


def test_an_answer_is_compressed_for_who_takes_it(hub: Demo) -> None:
    system = hub.as_("system")
    assert system.get("metadata", Accept_Encoding="gzip").headers["content-encoding"] == "gzip"
    for refused in ("gzip;q=0", "identity", "br"):
        assert "content-encoding" not in system.get("metadata", Accept_Encoding=refused).headers
    assert "content-encoding" not in system.get("Location/nowhere", Accept_Encoding="gzip").headers


def test_the_id_of_a_request(hub: Demo) -> None:
    system = hub.as_("system")
    mine = system.get("Patient/ansje", X_Request_Id="mine-1")
    assert mine.headers["x-correlation-id"] == "mine-1"
    assert mine.headers["x-request-id"] not in {"", "mine-1", system.get("Patient/ansje").headers["x-request-id"]}
    assert system.get("Patient/nobody", X_Request_Id="mine-2").headers["x-correlation-id"] == "mine-2"
    assert "x-correlation-id" not in system.get("Patient/ansje", X_Request_Id="not mine").headers


def test_a_header_that_comes_twice_is_one_list(hub: Demo) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
    connection.putrequest("GET", "/fhir/Patient/ansje")
    connection.putheader("Authorization", f"Bearer {hub.as_('system').token}")
    connection.putheader("If-None-Match", hub.as_("system").get("Patient/ansje").headers["etag"])
    connection.putheader("If-None-Match", '"99"')
    connection.endheaders()
    assert connection.getresponse().status == 304
    connection.close()


def test_the_mode_of_the_metadata(hub: Demo) -> None:
    anyone = Client(hub.port)

    def asked(query: str) -> Reply:
        return anyone.get(f"metadata{query}")

    for mode in ("full", "normative"):
        assert asked(f"?mode={mode}").body == asked("").body
    for wrong in ("nonsense", "", "full&mode=terminology"):
        assert asked(f"?mode={wrong}").status == 400
    part = asked("?_elements=fhirVersion").json
    assert part["fhirVersion"] == "4.0.1"
    assert "implementation" not in part


def test_what_there_is_of_terminology(hub: Demo) -> None:
    reply = Client(hub.port).get("metadata?mode=terminology")
    assert (reply.status, validate(reply.json), reply.json["resourceType"]) == (200, [], "TerminologyCapabilities")
    held = hub.as_("system").get("CodeSystem?_count=1000").json["entry"]
    assert {each["uri"] for each in reply.json["codeSystem"]} == {each["resource"]["url"] for each in held}
    assert "<TerminologyCapabilities" in Client(hub.port).get("metadata?mode=terminology&_format=xml").body.decode()
    assert "codeSystem" not in Client(hub.port).get("metadata?mode=terminology&_elements=url").json


@pytest.mark.parametrize(
    "path", ["/health/live", "/metrics", "/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"]
)
def test_head_outside_of_fhir(hub: Demo, path: str) -> None:
    anybody = Client(hub.port)
    get, head = anybody.get(path), anybody.request("HEAD", path)
    assert (get.status, head.status, head.body, head.headers["content-type"]) == (200, 200, b"", get.headers["content-type"])
    assert anybody.request("HEAD", "/oauth/token").status == 405
