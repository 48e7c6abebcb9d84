"""Binary over HTTP: content in its own format, to and from; who sees it; and that a browser never runs it."""

import json
from base64 import b64encode
from typing import Any

import pytest
from flows.client import JSON, Client, Demo, Reply
from flows.test_system import token

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PAGE = b"<html><script>alert(1)</script></html>"
XML = "application/fhir+xml"
MEMBERS = ("gp", "nurse", "daughter", "client")


def sent(client: Client, content: bytes = PNG, content_type: str = "image/png", **headers: str) -> Reply:
    return client.request("POST", "Binary", content, Content_Type=content_type, **headers)


def kept(client: Client, content: bytes = PNG, content_type: str = "image/png", **headers: str) -> str:
    reply = sent(client, content, content_type, **headers)
    assert reply.status == 201, reply.body
    return f"Binary/{reply.json['id']}"


def within(context: str) -> dict[str, str]:
    return {"X_Security_Context": context}


def binary(content: bytes = PNG, content_type: str = "image/png", context: str = "", **more: Any) -> dict[str, Any]:
    named = {"securityContext": {"reference": context}} if context else {}
    return {"resourceType": "Binary", **more, "contentType": content_type, **named, "data": b64encode(content).decode()}


def test_content_goes_in_and_comes_out(hub: Demo) -> None:
    gp = hub.as_("gp")
    created = sent(gp, **within("Patient/ansje"))
    assert (created.status, created.headers["content-type"]) == (201, f"{JSON}; charset=utf-8")
    place = f"Binary/{created.json['id']}"
    assert created.headers["location"].endswith(f"/fhir/{place}/_history/1")
    assert created.json["securityContext"] == {"reference": "Patient/ansje"}
    for path in (place, f"{place}/_history/1"):
        for accept in ("", "*/*", "image/png", "image/*", "application/pdf", "text/html,application/xml;q=0.9,*/*;q=0.8"):
            raw = gp.get(path, **({"Accept": accept} if accept else {}))
            assert (raw.status, raw.headers["content-type"], raw.body) == (200, "image/png", PNG)
        assert raw.headers["etag"] == 'W/"1"'
        assert raw.headers["last-modified"]
        assert raw.headers["x-security-context"] == "Patient/ansje"
        assert raw.headers["content-disposition"] == "attachment"
        assert raw.headers["x-content-type-options"] == "nosniff"
        assert raw.headers["content-security-policy"].startswith("sandbox")
        assert "accept" in raw.headers["vary"]


def test_the_resource_is_there_for_who_asks_for_fhir(hub: Demo) -> None:
    gp = hub.as_("gp")
    place = kept(gp, **within("Patient/ansje"))
    for asked in ({"Accept": JSON}, {"Accept": "application/json"}, {"Accept": f"image/png;q=0.5, {JSON}"}):
        assert gp.get(place, **asked).json["data"] == b64encode(PNG).decode()
    assert gp.get(f"{place}?_format=json").json["contentType"] == "image/png"
    for reply in (gp.get(place, Accept=XML), gp.get(f"{place}?_format=xml"), gp.get(place, Accept="text/xml")):
        assert (reply.headers["content-type"], b"<contentType" in reply.body) == (f"{XML}; charset=utf-8", True)
    assert "content-disposition" not in gp.get(place, Accept=JSON).headers
    assert gp.get(f"{place}?_format=png").status == 400


def test_json_and_xml_that_are_content(hub: Demo) -> None:
    gp = hub.as_("gp")
    for content, content_type in ((b'{"a": 1.00}', "application/json"), (b"<a/>", "text/xml"), (b"{broken", "application/json")):
        place = kept(gp, content, content_type)
        assert gp.get(place, Accept=content_type).body == content
        other = "application/xml" if content_type.endswith("json") else "application/json"
        assert b"Binary" in gp.get(place, Accept=other).body
    body = json.dumps(binary(b"x", "text/plain")).encode()
    for content_type in ("application/json", JSON):
        assert gp.get(kept(gp, body, content_type)).body == b"x"
    as_xml = gp.get(kept(gp, b"x", "text/plain"), Accept=XML).body
    assert gp.get(kept(gp, as_xml, "application/xml")).body == b"x"
    for broken in (b'{"resourceType":"Binary","resourceType":"Binary"}', b'{"resourceType":"Binary"'):
        assert sent(gp, broken, "application/json").status == 400
    assert sent(gp, b'{"resourceType":"Patient"}', JSON).status == 400
    assert sent(gp, b'{"resourceType":"Binary"}', "application/json").status == 422


def test_head_and_not_modified(hub: Demo) -> None:
    gp = hub.as_("gp")
    place = kept(gp)
    head = gp.request("HEAD", place)
    assert (head.status, head.body) == (200, b"")
    assert (head.headers["content-type"], head.headers["content-length"]) == ("image/png", str(len(PNG)))
    for condition in ({"If_None_Match": 'W/"1"'}, {"If_Modified_Since": head.headers["last-modified"]}):
        unchanged = gp.get(place, **condition)
        assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", 'W/"1"')
    assert gp.get(place, If_None_Match='W/"2"').body == PNG


def test_an_update_with_content(hub: Demo) -> None:
    system = hub.as_("system")
    put = {"Content_Type": "text/plain; charset=utf-8", **within("Patient/ansje")}
    assert system.request("PUT", "Binary/raw-put", b"een", **put).status in {200, 201}
    version = system.get("Binary/raw-put").headers["etag"]
    assert system.request("PUT", "Binary/raw-put", b"twee", **put).status == 200
    assert system.request("PUT", "Binary/raw-put", b"drie", If_Match=version, **put).status == 412
    reply = hub.as_("gp").get("Binary/raw-put")
    assert (reply.body, reply.headers["content-type"]) == (b"twee", "text/plain; charset=utf-8")
    assert hub.as_("gp").request("PUT", "Binary/raw-put", b"vier", **put).status == 403
    assert hub.as_("gp").request("DELETE", "Binary/raw-put").status == 405
    assert system.request("DELETE", "Binary/raw-put").status == 204
    gone = system.get("Binary/raw-put", Accept="image/png")
    assert (gone.status, gone.json["resourceType"]) == (410, "OperationOutcome")


def test_empty_content(hub: Demo) -> None:
    gp = hub.as_("gp")
    reply = gp.get(kept(gp, b"", "text/plain"))
    assert (reply.status, reply.body, reply.headers["content-type"], reply.headers["content-length"]) == (
        200,
        b"",
        "text/plain",
        "0",
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "image",
        "image/",
        "/png",
        "image/png/x",
        "*/*",
        "image/*",
        "image/png;",
        "image/png; x",
        "image/png; x=",
        'image/png; x="',
        'image/png; x="a b"',
        "image/png\tx",
        "image/png, text/html",
        "text/html\xff",
        "x/" + "y" * 300,
        "multipart/form-data; boundary=x",
    ],
)
def test_a_content_type_that_is_none(hub: Demo, content_type: str) -> None:
    reply = sent(hub.as_("gp"), PNG, content_type)
    assert (reply.status, reply.json["resourceType"]) == (415, "OperationOutcome"), reply.body


def test_no_header_is_injected(hub: Demo) -> None:
    """The code of R4 is wider than a media type: what a header cannot carry comes out as bytes of unknown kind."""
    system = hub.as_("system")
    for number, stored in enumerate(("image/png x:y", "text/html; a", "nonsense", "a/b;c=é")):
        reply = system.put(binary(PAGE, stored, id=f"injected-{number}", context="Patient/ansje"))
        assert reply.status in {200, 201}, reply.body
        raw = hub.as_("gp").get(f"Binary/injected-{number}")
        assert (raw.status, raw.headers["content-type"], raw.body) == (200, "application/octet-stream", PAGE)
    for refused in ("text/html\r\nSet-Cookie: a=b", "text/html\nx", "text/html  x", "text/html\u00a0x"):
        assert system.post(binary(PAGE, refused)).status == 422
    context = {"reference": "Patient/ansje\r\nSet-Cookie: a=b"}
    assert system.post({**binary(), "securityContext": context}).status == 422


def test_a_page_is_never_run(hub: Demo) -> None:
    gp = hub.as_("gp")
    for content, content_type in ((PAGE, "text/html"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")):
        place = kept(gp, content, content_type)
        for path in (place, f"{place}/_history/1"):
            reply = gp.get(path, Accept="text/html,*/*")
            assert (reply.body, reply.headers["content-disposition"]) == (content, "attachment")
            assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert reply.headers["x-content-type-options"] == "nosniff"


def test_how_much_content_is_taken(hub: Demo) -> None:
    gp = hub.as_("gp")
    largest = 5_000_000 * 3 // 4 - 1_000
    content = b"\x00\xff" * (largest // 2)
    created = sent(gp, content, "application/zip", Prefer="return=minimal")
    assert (created.status, created.body) == (201, b"")
    place = created.headers["location"].partition("/fhir/")[2].partition("/_history")[0]
    assert gp.get(place).body == content
    refused = sent(gp, content + b"123", "application/zip")
    assert (refused.status, refused.json["issue"][0]["code"]) == (413, "too-long")


def test_errors_are_outcomes_in_a_format_of_fhir(hub: Demo) -> None:
    gp = hub.as_("gp")
    for accept in ("image/png", "*/*", "text/html"):
        reply = gp.get("Binary/nobody", Accept=accept)
        assert (reply.status, reply.json["resourceType"]) == (404, "OperationOutcome")
    assert gp.get("Binary/nobody", Accept=XML).body.startswith(b"<")
    anonymous = Client(hub.port).get("Binary/nobody", Accept="image/png")
    assert (anonymous.status, anonymous.json["resourceType"]) == (401, "OperationOutcome")
    assert gp.get("Patient/ansje", Accept="image/png").status == 406
    assert hub.as_("system").get("Binary/_history", Accept="image/png").status == 406
    assert hub.as_("system").get("Binary/nobody/_history", Accept="image/png").status == 406
    assert gp.request("PUT", "Patient/ansje", PNG, Content_Type="image/png").status == 415


def test_the_dossier_of_the_context_says_who_sees_it(hub: Demo) -> None:
    gp = hub.as_("gp")
    contexts = ("Patient/ansje", "CareTeam/network-ansje", "Communication/reply-tablets", "CommunicationRequest/thread-tablets")
    for context in (*contexts, f"{hub.facts['base']}/fhir/Communication/reply-tablets", "Communication/reply-tablets/_history/1"):
        place = kept(gp, **within(context))
        for person in MEMBERS:
            assert hub.as_(person).get(place).body == PNG
        assert hub.as_("system").get(place).body == PNG
        for path in (place, f"{place}/_history/1", f"{place}/_history"):
            refused = hub.as_("outsider").get(path)
            assert (refused.status, refused.json["resourceType"]) == (403, "OperationOutcome")
            assert refused.headers.get("content-disposition") is None
            assert hub.as_("operator").get(path).status == 403
    assert hub.rows("SELECT dossier FROM audit_event WHERE interaction = 'create' ORDER BY row DESC LIMIT 1")[0] == (
        "Patient/ansje",
    )


@pytest.mark.parametrize("person", MEMBERS)
def test_without_a_context_it_is_its_makers_alone(hub: Demo, person: str) -> None:
    place = kept(hub.as_(person))
    assert hub.as_(person).get(place).body == PNG
    assert hub.as_(person).get(f"{place}/_history/1").body == PNG
    assert hub.as_("system").get(place).body == PNG
    for other in {*MEMBERS, "pharmacist", "outsider"} - {person}:
        for path in (place, f"{place}/_history/1", f"{place}/_history"):
            assert hub.as_(other).get(path).status == 403
    assert hub.rows("SELECT dossier FROM audit_event WHERE interaction = 'create' ORDER BY row DESC LIMIT 1")[0] == ("",)


@pytest.mark.parametrize(
    ("context", "status"),
    [
        ("Patient/other-client", 403),
        ("Patient/nobody", 403),
        ("CareTeam/network-other", 403),
        ("Communication/nobody", 403),
        ("Condition/x", 403),
        ("Nonsense/x", 422),
        ("Organization/practice-wold", 422),
        ("Practitioner/gp-harmsen", 422),
        ("AuditEvent/x", 422),
        ("Binary/x", 422),
        ("https://elsewhere.example/fhir/Patient/ansje", 422),
        ("#x", 422),
        ("Patient", 422),
        ("", 400),
    ],
)
def test_a_context_that_cannot_be(hub: Demo, context: str, status: int) -> None:
    reply = sent(hub.as_("gp"), **within(context))
    assert (reply.status, reply.json["resourceType"]) == (status, "OperationOutcome"), reply.body


def test_what_system_stores_with_a_context_that_is_in_no_dossier_is_closed(hub: Demo) -> None:
    for context in ("Organization/practice-wold", "https://elsewhere.example/fhir/Patient/ansje"):
        place = kept(hub.as_("system"), **within(context))
        assert hub.as_("system").get(place).body == PNG
        assert {hub.as_(person).get(place).status for person in (*MEMBERS, "outsider")} == {403}


def test_a_change_by_the_system_leaves_it_with_its_maker(hub: Demo) -> None:
    system, nurse = hub.as_("system"), hub.as_("nurse")
    place = kept(nurse)
    patch = [{"op": "add", "path": "/language", "value": "nl"}]
    assert system.request("PATCH", place, patch, Content_Type="application/json-patch+json").status == 200
    assert system.request("PUT", place, b"nieuw", Content_Type="text/plain").status == 200
    assert nurse.get(place).body == b"nieuw"
    assert hub.as_("gp").get(place).status == 403
    assert system.request("PUT", place, b"gedeeld", Content_Type="text/plain", **within("Patient/ansje")).status == 200
    assert hub.as_("gp").get(place).body == b"gedeeld"
    assert system.request("PUT", place, b"dicht", Content_Type="text/plain").status == 200
    assert {hub.as_(person).get(place).status for person in MEMBERS} == {403}


def test_the_end_of_a_membership_closes_it(hub: Demo) -> None:
    system, outsider = hub.as_("system"), hub.as_("outsider")
    team = {
        "resourceType": "CareTeam",
        "id": "binary-team",
        "status": "active",
        "subject": {"reference": "Patient/other-client"},
        "participant": [{"member": {"reference": "Practitioner/nurse-dijkema"}}],
    }
    assert system.put(team).status in {200, 201}
    place = kept(outsider, **within("Patient/other-client"))
    assert hub.as_("nurse").get(place).body == PNG
    assert system.put({**team, "status": "inactive"}).status == 200
    assert hub.as_("nurse").get(place).status == 403
    assert outsider.get(place).body == PNG
    assert system.request("DELETE", "CareTeam/binary-team").status == 204


def test_tokens_narrow_it(hub: Demo) -> None:
    gp = "Practitioner/gp-harmsen"
    ours, private = kept(hub.as_("gp"), **within("Patient/ansje")), kept(hub.as_("gp"))
    bound = token(hub, gp, "practitioner", "patient/Binary.cr", "ansje")
    assert bound.get(ours).body == PNG
    assert bound.get(private).status == 403
    assert sent(bound, **within("Patient/ansje")).status == 201
    assert sent(bound).status == 403
    elsewhere = token(hub, gp, "practitioner", "patient/Binary.cr", "other-client")
    assert {elsewhere.get(path).status for path in (ours, private)} == {403}
    reader = token(hub, gp, "practitioner", "user/Binary.r")
    assert (reader.get(ours).status, sent(reader).status, sent(reader).detail) == (200, 403, "insufficient_scope")
    assert token(hub, gp, "practitioner", "user/Task.rs").get(ours).status == 403
    client = token(hub, "Patient/ansje", "patient", "patient/*.cruds")
    assert client.get(kept(client)).body == PNG
    assert client.get(ours).body == PNG
    assert hub.as_("gp").get(kept(client)).status == 403
    assert sent(client, **within("Patient/other-client")).status == 403


def test_one_line_in_the_record(hub: Demo) -> None:
    statement = "SELECT action, interaction, status, type, id FROM audit_event ORDER BY row DESC LIMIT 3"
    gp = hub.as_("gp")
    before = hub.recorded()
    place = kept(gp, **within("Communication/reply-tablets"))
    gp.get(place, Accept="image/png")
    gp.get(place, If_None_Match='W/"1"')
    lines = hub.rows(statement)
    id_ = place.partition("/")[2]
    assert hub.recorded() == before + 3
    assert lines == [("R", "read", 304, "Binary", id_), ("R", "read", 200, "Binary", id_), ("C", "create", 201, "Binary", id_)]


def test_in_a_bundle_it_is_the_resource(hub: Demo) -> None:
    gp, system = hub.as_("gp"), hub.as_("system")
    place = kept(gp, **within("Patient/ansje"))
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": place}}]}
    assert gp.request("POST", "/fhir", batch).json["entry"][0]["resource"]["data"] == b64encode(PNG).decode()
    note = {"resourceType": "Communication", "status": "completed", "subject": {"reference": "Patient/ansje"}}
    sender = {**note, "sender": {"reference": "Practitioner/gp-harmsen"}}
    entries = [
        {
            "fullUrl": "urn:uuid:5b5c8c2e-4b0c-4f6a-9d8e-6b8f5a3c2d10",
            "resource": sender,
            "request": {"method": "POST", "url": "Communication"},
        },
        {
            "resource": binary(context="urn:uuid:5b5c8c2e-4b0c-4f6a-9d8e-6b8f5a3c2d10"),
            "request": {"method": "POST", "url": "Binary"},
        },
    ]
    answer = gp.request("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status == 200, answer.body
    made = answer.json["entry"][1]["response"]["location"].partition("/_history")[0]
    made = made.partition("/fhir/")[2] or made
    assert hub.as_("daughter").get(made).body == PNG
    assert hub.as_("outsider").get(made).status == 403
    for each in reversed(answer.json["entry"]):
        where = each["response"]["location"].partition("/_history")[0]
        assert system.request("DELETE", where.partition("/fhir/")[2] or where).status == 204
