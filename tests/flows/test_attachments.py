"""Attachments over HTTP: sent before their message, taken by it, read by whoever reads it (OZO's "dropbox")."""

import http.client
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer
from flows.client import Client, Reply
from flows.networked import BOUNDARY, Networked, form, message, networked, send, uploaded

from fhir_server.interactions import attachment_sweep
from fhir_server.storage.attachments.scanner import ScannerAway

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
TEAM = "network-ansje"
DAUGHTER = "RelatedPerson/daughter-marije"
GP = "Practitioner/gp-harmsen"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp(f"attachments-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("attachments", "template1")
    with networked(folder, database) as started:
        yield started


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def statuses(hub: Networked, url: str, *people: str) -> list[int]:
    return [hub.as_(each).get(path(url)).status for each in people]


@contextmanager
def changed(hub: Networked, **values: object) -> Iterator[None]:
    """Change what is allowed until the block ends."""
    attachments = hub.services.attachments
    before = {name: getattr(attachments, name) for name in values}
    for name, value in values.items():
        object.__setattr__(attachments, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(attachments, name, value)


def test_an_attachment_goes_with_its_message(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    url = uploaded(daughter, TEAM, PNG)
    assert url.startswith(f"{hub.base}/attachments/")
    assert statuses(hub, url, "daughter", "gp", "client", "outsider", "system") == [200, 404, 404, 404, 404]
    assert daughter.post(message(DAUGHTER, url)).status == 201
    assert statuses(hub, url, "daughter", "gp", "client", "system", "outsider") == [200, 200, 200, 200, 404]
    read = hub.as_("gp").get(path(url))
    assert (read.body, read.headers["content-type"]) == (PNG, "image/png")
    assert read.headers["content-disposition"].startswith('attachment; filename="scan.png"')
    assert (read.headers["x-content-type-options"], "sandbox" in read.headers["content-security-policy"]) == ("nosniff", True)
    assert read.headers["content-length"] == str(len(PNG))


def test_who_is_no_member_sends_nothing(hub: Networked) -> None:
    refused = [send(hub.as_("outsider"), team, form(PNG)) for team in (TEAM, "no-such-team")]
    assert [each.status for each in refused] == [403, 403]
    assert refused[0].json["issue"] == refused[1].json["issue"]
    assert send(hub.as_("operator"), TEAM, form(PNG)).status == 403
    assert send(hub.as_("daughter", scope="user/Communication.r"), TEAM, form(PNG)).status == 403
    assert send(Client(hub.port), TEAM, form(PNG)).status == 401
    unknown = [hub.as_("outsider").get(f"attachments/{each}") for each in ("0" * 26, uploaded(hub.as_("gp"), TEAM, PNG)[-26:])]
    assert [each.status for each in unknown] == [404, 404]
    assert unknown[0].json["issue"] == unknown[1].json["issue"]


def test_a_file_belongs_to_one_message_of_its_sender(hub: Networked) -> None:
    daughter, gp = hub.as_("daughter"), hub.as_("gp")
    url = uploaded(daughter, TEAM, PNG)
    foreign = gp.post(message(GP, url))
    assert (foreign.status, foreign.json["issue"][0]["expression"]) == (422, ["Communication.payload[0].contentAttachment.url"])
    first = daughter.post(message(DAUGHTER, url))
    assert first.status == 201
    second = daughter.post(message(DAUGHTER, url))
    assert (second.status, second.detail) == (422, "attachment-unknown")
    unknown = daughter.post(message(DAUGHTER, f"{hub.base}/attachments/{'0' * 26}"))
    assert unknown.json["issue"] == second.json["issue"]
    for strange in (f"{hub.base}/attachments/../Patient/ansje", f"{hub.base}/attachments/", url + "?x=1"):
        assert daughter.post(message(DAUGHTER, strange)).status == 422
    assert daughter.post(message(DAUGHTER, "https://elsewhere.test/attachments/1")).status == 201
    again = {**first.json, "status": "in-progress"}
    assert hub.as_("system").put(again).status == 200  # it keeps what it has


def escaped(resource: dict[str, Any]) -> bytes:
    """Return the JSON that PHP writes unless told otherwise; letters can be hidden as well."""
    return json.dumps(resource).replace("/", "\\/").replace("attachments", "\\u0061ttachments").encode()


def test_an_address_counts_however_it_is_written(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    for how in (escaped, lambda each: json.dumps(each).replace(f"{hub.base}/attachments", "attachments").encode()):
        url = uploaded(daughter, TEAM, PNG)
        assert daughter.request("POST", "Communication", how(message(DAUGHTER, url))).status == 201
        assert statuses(hub, url, "gp", "outsider") == [200, 404]
        assert daughter.request("POST", "Communication", how(message(DAUGHTER, url))).detail == "attachment-unknown"


def test_two_messages_of_one_transaction_cannot_share_a_file(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    url = uploaded(daughter, TEAM, PNG)
    entries = [{"resource": message(DAUGHTER, url), "request": {"method": "POST", "url": "Communication"}} for _ in range(2)]
    both = daughter.request("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert (both.status, both.detail) == (422, "attachment-twice"), both.body
    assert [each["expression"] for each in both.json["issue"]] == [["Bundle.entry[1].resource.payload[0].contentAttachment.url"]]
    assert statuses(hub, url, "daughter", "gp") == [200, 404]  # nothing was taken
    one = daughter.request("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries[:1]})
    assert (one.status, statuses(hub, url, "gp")) == (200, [200])


def test_a_message_that_is_not_stored_takes_nothing(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    url = uploaded(daughter, TEAM, PNG)
    dangling = message(DAUGHTER, url, inResponseTo=[{"reference": "Communication/none"}])
    assert daughter.post(dangling).status == 422
    assert statuses(hub, url, "daughter", "gp") == [200, 404]


def test_a_reply_that_names_no_client(hub: Networked) -> None:
    url = uploaded(hub.as_("daughter"), TEAM, PNG)
    reply = {name: value for name, value in message(DAUGHTER, url).items() if name not in {"subject", "status"}}
    assert hub.as_("daughter").post({**reply, "status": "preparation"}).status == 201  # it is in the dossier of its thread
    assert statuses(hub, url, "gp", "client", "outsider") == [200, 200, 404]


def test_a_retracted_message_takes_its_file_along(hub: Networked) -> None:
    url = uploaded(hub.as_("daughter"), TEAM, PNG)
    stored = hub.as_("daughter").post(message(DAUGHTER, url))
    assert hub.as_("system").put({**stored.json, "status": "entered-in-error"}).status == 200
    assert statuses(hub, url, "daughter", "gp", "client", "system") == [404, 404, 404, 200]


def test_a_file_for_a_thread_that_is_there(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    thread = "CommunicationRequest/thread-tablets"
    sent = send(daughter, TEAM, form(PNG, resource_id=thread))
    assert sent.status == 302
    url = sent.headers["location"]
    assert statuses(hub, url, "gp", "outsider") == [200, 404]
    assert daughter.post(message(DAUGHTER, url)).status == 201  # a message in that thread takes it over
    assert daughter.post(message(DAUGHTER, url)).status == 422
    for refused in ("CommunicationRequest/none", "Patient/ansje", "nonsense", "Communication/reply-tablets"):
        assert send(daughter, TEAM, form(PNG, resource_id=refused)).status == 403
    assert send(hub.as_("outsider"), "network-other", form(PNG, resource_id=thread)).status == 403


def test_a_file_for_another_dossier_stays_there(hub: Networked) -> None:
    url = uploaded(hub.as_("outsider"), "network-other", PNG)
    assert hub.as_("system").post(message(GP, url)).status == 422


def test_parts_of_a_file(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    content = PNG + bytes(150_000)
    place = path(uploaded(daughter, TEAM, content))
    whole = daughter.get(place)
    tag, made = whole.headers["etag"], whole.headers["last-modified"]
    assert (whole.body, whole.headers["accept-ranges"]) == (content, "bytes")
    for start, end in ((0, 1), (0, 65_536), (65_535, 65_537), (65_536, 131_072), (149_999, len(content))):
        part = daughter.get(place, Range=f"bytes={start}-{end - 1}")
        assert (part.status, part.body) == (206, content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(content)}"
    assert daughter.get(place, Range="bytes=-8").body == content[-8:]
    behind = daughter.get(place, Range=f"bytes={len(content)}-")
    assert (behind.status, behind.headers["content-range"]) == (416, f"bytes */{len(content)}")
    assert daughter.get(place, Range="bytes=0-3", If_Range=tag).status == 206
    assert daughter.get(place, Range="bytes=0-3", If_Range=made).status == 206
    assert daughter.get(place, Range="bytes=0-3", If_Range='"other"').status == 200
    assert [daughter.get(place, If_None_Match=each).status for each in (tag, "*", f'"a", {tag}', '"a"')] == [304, 304, 304, 200]
    assert daughter.get(place, If_Modified_Since=made).status == 304
    head = daughter.request("HEAD", place)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(content)))
    assert daughter.request("DELETE", place).status == 405


def test_what_is_refused_leaves_nothing(hub: Networked) -> None:
    def files() -> list[str]:
        return sorted(str(each) for each in (hub.folder / "data" / "attachments").rglob("*") if each.is_file())

    daughter, before = hub.as_("daughter"), files()
    good = form(PNG)
    for body, media, status in (
        (form(b""), "", 422),
        (form(b"<html><script>alert(1)</script>"), "", 422),
        (form(b"<!DOCTYPE html>", "text/plain"), "", 422),
        (form(b"<svg onload=alert(1)>", "text/csv"), "", 422),
        (form(b"MZ\x90", "text/plain"), "", 422),
        (form(PNG, "application/pdf"), "", 422),
        (form(PNG, "text/html"), "", 415),
        (form(b"<svg/>", "image/svg+xml"), "", 415),
        (form(b"PK\3\4", "application/octet-stream"), "", 415),
        (form(PNG + bytes(300_000)), "", 413),
        (form(PNG + bytes(200_000)), "", 413),
        (good[:-30], "", 400),
        (good, "multipart/form-data; boundary=other", 400),
        (good, "multipart/form-data", 400),
        (good, "multipart/form-data; boundary=" + "x" * 300, 400),
        (good, "application/json", 415),
        (good.replace(b"Content-Type", b"X-" + b"y" * 9_000), "", 400),
        (good.replace(b"fhir_attachment[file]", b"file"), "", 400),
        (good[: -len("--a-boundary--\r\n")] + good, "", 400),
        (b"", "", 400),
    ):
        with changed(hub, limit=200_000):
            reply = send(daughter, TEAM, body, *([media] if media else []))
        assert (reply.status, reply.json["resourceType"]) == (status, "OperationOutcome"), (body[:200], reply.body)
    assert files() == before


def test_names_and_content_that_attack(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    for name, shown in (
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Windows\\\\x.png", "x.png"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("brief 999990019.pdf", "brief xxxxxxxxx.pdf"),
        ("", "attachment.png"),
        ("...", "attachment.png"),
        ("n" * 300 + ".png", "n" * 109 + ".png"),
    ):
        url = uploaded(daughter, TEAM, PNG + b"<script>alert(1)</script>", name=name)
        read = daughter.get(path(url))
        assert read.headers["content-disposition"].startswith(f'attachment; filename="{shown}"'), read.headers
        assert read.headers["x-content-type-options"] == "nosniff"
    assert not list(hub.folder.rglob("passwd"))


def test_the_record_tells_of_each(hub: Networked) -> None:
    daughter, gp = hub.as_("daughter"), hub.as_("gp")
    url = uploaded(daughter, TEAM, PNG)
    stored = daughter.post(message(DAUGHTER, url)).json
    assert gp.get(path(url)).status == 200
    sent, read = hub.lines("attachment-upload")[-1], hub.lines("attachment-read")[-1]
    id_ = url.rpartition("/")[2]
    assert (sent.action, sent.type, sent.id, sent.dossier, sent.status) == ("C", "CareTeam", TEAM, "Patient/ansje", 302)
    assert (read.action, read.actor, read.type, read.id) == ("R", GP, "Communication", stored["id"])
    assert (read.version, read.dossier, read.status, read.detail) == (1, "Patient/ansje", 200, f"attachment {id_}")
    assert hub.as_("outsider").get(path(url)).status == 404
    refused = hub.lines("attachment-read")[-1]
    assert (refused.status, refused.dossier) == (404, "Patient/ansje")


def test_files_say_nothing_at_rest(hub: Networked) -> None:
    planted = b"planted-among-the-bytes"
    url = uploaded(hub.as_("daughter"), TEAM, PNG + planted)
    kept = [each.read_bytes() for each in (hub.folder / "data" / "attachments").rglob("*") if each.is_file()]
    assert kept
    assert not any(planted in each for each in kept)
    file = next((hub.folder / "data" / "attachments").rglob(url.rpartition("/")[2]))
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_no_message_names_is_removed(hub: Networked) -> None:
    daughter, services = hub.as_("daughter"), hub.services
    unclaimed, taken = (uploaded(daughter, TEAM, PNG) for _ in range(2))
    assert daughter.post(message(DAUGHTER, taken)).status == 201
    day = 25 * 3_600_000_000

    def there(url: str) -> bool:
        return hub.do(services.attachments.files.present(url.rpartition("/")[2]))

    hub.do(attachment_sweep.expired(services, services.clock()))
    assert (there(unclaimed), there(taken)) == (True, True)
    hub.do(attachment_sweep.expired(services, services.clock() + day))
    assert (there(unclaimed), there(taken)) == (False, True)
    assert statuses(hub, unclaimed, "daughter") == [404]
    assert daughter.post(message(DAUGHTER, unclaimed)).status == 422
    stray = hub.folder / "data" / "attachments" / "zz" / "zz345678901234567890"
    stray.parent.mkdir()
    stray.write_bytes(b"left by a crash")
    hub.do(attachment_sweep.strays(services))
    assert stray.exists()  # it may still be coming
    os.utime(stray, (1, 1))
    hub.do(attachment_sweep.strays(services))
    assert (stray.exists(), there(taken)) == (False, True)


def test_a_file_that_is_missing_is_not_found(hub: Networked) -> None:
    daughter = hub.as_("daughter")
    url = uploaded(daughter, TEAM, PNG)
    hub.do(hub.services.attachments.files.remove([url.rpartition("/")[2]]))
    assert statuses(hub, url, "daughter") == [404]


class Scanner:
    """Says what it was told to say."""

    def __init__(self, *, found: bool = False, away: bool = False) -> None:
        self.found, self.away, self.seen = found, away, b""

    async def infected(self, content: AsyncIterator[bytes]) -> bool:
        self.seen = b"".join([each async for each in content])
        if self.away:
            raise ScannerAway
        return self.found


def test_files_are_scanned_before_they_are_kept(hub: Networked) -> None:
    def scanned(scanner: Scanner) -> int:
        before = set((hub.folder / "data" / "attachments").rglob("*/*"))
        with changed(hub, scanner=scanner):
            reply = send(hub.as_("daughter"), TEAM, form(PNG))
        assert scanner.seen == PNG
        assert reply.status == 302 or set((hub.folder / "data" / "attachments").rglob("*/*")) == before
        return reply.status

    assert [scanned(each) for each in (Scanner(), Scanner(found=True), Scanner(away=True))] == [302, 422, 503]


def test_a_large_file_takes_no_memory(hub: Networked) -> None:
    """Send and fetch 50 MB; this process, in which hub and client are, grows by much less."""
    size = 50_000_000
    daughter, end = hub.as_("daughter"), f"\r\n--{BOUNDARY}--\r\n".encode()
    head = form(PNG, name="large.png")[: -len(end)]
    assert daughter.get(path(uploaded(daughter, TEAM, PNG))).body == PNG  # what is loaded once is loaded
    before = _peak(renew=True)
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
    headers = {"Authorization": f"Bearer {daughter.token}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    pieces = (bytes(min(1_000_000, size - start)) for start in range(len(PNG), size, 1_000_000))
    length = {"Content-Length": str(len(head) - len(PNG) + size + len(end))}
    connection.request("POST", f"/fhir/clients/{TEAM}/attachments", chain([head], pieces, [end]), headers | length)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (302, b"")
    connection.request("GET", path(str(answer.headers["location"])), headers=headers)
    fetched, received = connection.getresponse(), 0
    while chunk := fetched.read(1_000_000):
        received += len(chunk)
    connection.close()
    assert received == size
    assert _peak() - before < 20_000_000


def _peak(*, renew: bool = False) -> int:
    """Return the most memory that this process had in bytes, since this was renewed."""
    if renew:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1_000


def test_an_attachment_for_professionals_is_hidden_where_there_is_plain_language(hub: Networked) -> None:
    url = uploaded(hub.as_("gp"), TEAM, PNG)
    audience = "https://netwerkdossier.example/fhir/StructureDefinition/audience"
    professional, lay = ([{"url": audience, "valueCode": code}] for code in ("professional", "lay"))
    payload = [
        {"extension": professional, "contentAttachment": {"contentType": "image/png", "url": url}},
        {"extension": lay, "contentString": "De foto is goed."},
    ]
    assert hub.as_("gp").post(message(GP, url, payload=payload)).status == 201
    assert statuses(hub, url, "gp", "nurse", "daughter", "client") == [200, 200, 404, 404]
    hidden = uploaded(hub.as_("gp"), TEAM, PNG)
    last = f"\\u{ord(hidden[-1]):04x}"
    body = json.dumps(message(GP, url, payload=payload)).replace(url, hidden[:-1] + last).encode()
    assert hub.as_("gp").request("POST", "Communication", body).status == 201
    assert statuses(hub, hidden, "gp", "nurse", "daughter", "client") == [200, 200, 404, 404]


def test_an_attachment_goes_along_when_its_message_is_forwarded(hub: Networked) -> None:
    url = uploaded(hub.as_("gp"), TEAM, PNG)
    nurse = "Practitioner/nurse-dijkema"
    direct = message(GP, url, recipient=[{"reference": nurse, "type": "Practitioner"}])
    direct.pop("partOf")
    sent = hub.as_("gp").post(direct)
    assert sent.status == 201, sent.body
    assert statuses(hub, url, "nurse", "pharmacist") == [200, 404]
    to = {"name": "recipient", "valueReference": {"reference": "Practitioner/pharmacist-bos"}}
    asked = {"resourceType": "Parameters", "parameter": [to]}
    forwarded = hub.as_("nurse").request("POST", f"Communication/{sent.json['id']}/$forward", asked)
    assert forwarded.status in {200, 201}, forwarded.body
    assert statuses(hub, url, "nurse", "pharmacist", "outsider") == [200, 200, 404]


def test_one_person_has_only_so_much_waiting(hub: Networked) -> None:
    def sent(content: bytes = PNG, **fields: str) -> Reply:
        return send(hub.as_("nurse"), TEAM, form(content, **fields))

    nurse, thread, before = "Practitioner/nurse-dijkema", "CommunicationRequest/thread-tablets", without_row(hub)
    with changed(hub, waiting=3, waiting_size=1_000_000):
        first = sent()
        with ThreadPoolExecutor(8) as pool:
            replies = [each.result() for each in [pool.submit(sent) for _ in range(8)]]
        refused = [each for each in replies if each.status != 302]
        assert [each.status for each in refused] == [429] * 6, "what is sent at the same moment is counted"
        assert {each.detail for each in refused} == {"attachments-waiting"}
        assert 0 < int(refused[0].headers["retry-after"]) <= 24 * 3600
        assert b"3 files" in refused[0].body
        assert sent(resource_id=thread).status == 302, "it does not wait"
        assert send(hub.as_("gp"), TEAM, form(PNG)).status == 302, "each person has their own"
        assert send(hub.as_("system"), TEAM, form(PNG)).status == 302
        assert hub.as_("nurse").post(message(nurse, first.headers["location"])).status == 201
        assert sent().status == 302, "there is room again"
        assert sent().status == 429
    with changed(hub, waiting=100, waiting_size=3 * len(PNG) + 100):
        assert sent().status == 429
        assert sent(PNG[:80]).status == 302
    assert without_row(hub) == before, "of what is refused nothing is left"


def without_row(hub: Networked) -> int:
    """Return how many more files there are than rows."""
    store = hub.services.repository.attachments()
    rows = int(hub.do(store._scripts.rows("SELECT count(*) FROM attachment", ()))[0][0])
    return sum(each.is_file() for each in (hub.folder / "data" / "attachments").rglob("*")) - rows
