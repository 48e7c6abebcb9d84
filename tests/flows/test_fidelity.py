"""What goes in comes out: the resources of the corpus and of the reference data, in JSON and XML, by every way in and out.

The comparison is the test's own: texts of JSON members, and XML trees; nothing of the server's reader and writer takes part.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer
from flows import corpus
from flows.client import JSON, Client
from flows.served import served
from lxml import etree

from fhir_server.catalog import catalog
from fhir_server.errors import Malformed
from fhir_server.model import json as own_json
from fhir_server.model import xml as own_xml
from fhir_server.network.ozo import BASE as OZO
from fhir_server.network.ozo import completed

XML = "application/fhir+xml"
STORED = {name for name, entry in catalog.load().types.items() if entry.is_stored}
KNOWN = catalog.load().types.keys()
PUTTABLE = {name for name in STORED if "update" in catalog.load().types[name].interactions}
NOT_R4: Mapping[str, str] = {
    "QURX_EX990113NL_02_gebruiksperiode.xml": "two Medication.ingredient.itemCodeableConcept, of which there is one at most",
    "999992272_QURX113_1627.xml": "two Medication.ingredient.itemCodeableConcept, of which there is one at most",
    "999901345_XXX_Spruit_QURX_IN990113NL.xml": "MedicationDispense has both choices of medication[x]",
    "lr-blr-KWAL-l2z-1Maximaal-bericht-3KCLOINC.xml": "Specimen.collection has both choices of collected[x]",
    "lr-blr-TEST-l2z-1Maximaal-bericht-3KCLOINC.xml": "Specimen.collection has both choices of collected[x]",
}
"""Files of the reference data with one resource that is not valid R4, and why. None of them is of a stored type."""
NO_BSN = b'"99999114"'
"""A BSN in the reference data that has eight digits."""


@dataclass(frozen=True)
class Sent:
    """A resource as a client sends it: ``body`` in JSON or, with ``xml``, in XML, under an id of the test's own."""

    name: str
    type: str
    id: str
    body: bytes
    xml: bool

    @property
    def path(self) -> str:
        return f"{self.type}/{self.id}"


def in_json(name: str, content: bytes, id_: str) -> Sent:
    """Put ``id_`` at the end of the text, so that all the rest stays as it is."""
    resource = json.loads(content)
    if resource["resourceType"] == "Communication" and "sent" not in resource:
        # The server would say when it was received.
        resource["sent"] = "2026-11-22"
        content = content.rstrip().removesuffix(b"}") + b',"sent":"2026-11-22"}'
    if "id" in resource:
        text = re.sub(r'("id"\s*:\s*)"' + re.escape(resource["id"]) + '"', rf'\1"{id_}"', content.decode(), count=1)
    else:
        text = content.decode().rstrip().removesuffix("}") + f',"id":"{id_}"}}'
    assert json.loads(text) == {**resource, "id": id_}, name
    return Sent(name, resource["resourceType"], id_, text.encode(), xml=False)


def in_xml(name: str, content: bytes, id_: str) -> Sent:
    root = etree.fromstring(content)
    etree.strip_tags(root, etree.Comment)
    found = root.find(f"{{{corpus.FHIR}}}id")
    if found is None:
        found = etree.Element(f"{{{corpus.FHIR}}}id")
        root.insert(0, found)
    found.set("value", id_)
    return Sent(name, etree.QName(root).localname, id_, etree.tostring(root, encoding="utf-8"), xml=True)


def sent(found: Iterator[tuple[str, bytes]], prefix: str) -> Iterator[Sent]:
    for number, (name, content) in enumerate(found):
        make = in_json if content.lstrip().startswith(b"{") else in_xml
        yield make(name, content, f"{prefix}{number}")


def raw_members(text: str) -> dict[str, str]:
    """Return the members of the root object as they are written, each value without the white space around it."""
    scan = json.JSONDecoder().raw_decode
    members: dict[str, str] = {}
    at = text.index("{") + 1
    while (match := re.compile(r'[\s,]*(?=")').match(text, at)) is not None:
        name, end = scan(text, match.end())
        start = re.compile(r"\s*:\s*").match(text, end).end()  # type: ignore[union-attr]
        at = scan(text, start)[1]
        members[name] = text[start:at]
    return members


def exact(text: bytes | str) -> Any:
    """Read JSON so that 1.0 differs from 1.00 and 1 from true, without what the server gives."""
    value = json.loads(text, parse_float=lambda number: ("number", number), parse_int=lambda number: ("number", number))
    return without_versions(value)


def through_xml(resource: dict[str, Any]) -> dict[str, Any]:
    """Make narratives comparable that came through XML: there an é may be a character reference, and comments are left out."""
    if "text" not in resource:
        return resource
    text = {**resource["text"], "div": _tuple(etree.fromstring(resource["text"]["div"], etree.XMLParser(remove_comments=True)))}
    return {**resource, "text": text}


def without_versions(resource: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in resource.get("meta", {}).items() if name not in {"versionId", "lastUpdated"}}
    if not (profiles := [each for each in kept.pop("profile", ()) if not each.startswith(OZO)]):
        kept.pop("_profile", None)
    kept |= {"profile": profiles} if profiles else {}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest


def tree(text: bytes) -> Any:
    """Read XML as nested tuples; white space counts in the narrative only."""
    root = etree.fromstring(text)
    meta = root.find(f"{{{corpus.FHIR}}}meta")
    if meta is not None:
        for profile in meta.findall(f"{{{corpus.FHIR}}}profile"):
            if profile.get("value", "").startswith(OZO):
                meta.remove(profile)
        for name in ("versionId", "lastUpdated"):
            found = meta.find(f"{{{corpus.FHIR}}}{name}")
            if found is not None:
                meta.remove(found)
        if len(meta) == 0:
            root.remove(meta)
    return _tuple(root)


def _tuple(element: Any) -> Any:
    narrative = element.tag.startswith(f"{{{corpus.XHTML}}}")
    text = (element.text or "", [child.tail or "" for child in element]) if narrative else ()
    children = [_tuple(child) for child in element if isinstance(child.tag, str)]
    return (element.tag, sorted(element.attrib.items()), text, children)


def put(hub: Client, one: Sent) -> None:
    type_ = XML if one.xml else "application/fhir+json"
    reply = hub.request("PUT", one.path, one.body, Content_Type=type_, Prefer="return=minimal")
    assert reply.status == 201, (one.name, reply.body)


def assert_same(one: Sent, body: bytes, *, xml: bool) -> None:
    if one.xml and xml:
        assert tree(body) == tree(one.body), one.name
    elif not one.xml and not xml:
        before, after = raw_members(one.body.decode()), raw_members(body.decode())
        assert {**before, "meta": ""} == {**after, "meta": ""}, one.name
        assert exact(body) == exact(one.body), one.name


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Serve an empty store on each engine."""
    settings = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        settings["FHIR_SERVER_DATABASE_URL"] = server.create("fidelity", "template1")
    with served(tmp_path_factory.mktemp("fidelity"), **settings) as running:
        yield running.client()


def ways(hub: Client, everything: list[Sent]) -> None:
    """Send all, and read them back as JSON, as XML, from the XML again, through a transaction and through searches."""
    for one in everything:
        put(hub, one)
        assert_same(one, (as_json := hub.get(one.path, Accept=JSON).body), xml=False)
        as_xml = hub.get(one.path, Accept=XML).body
        assert_same(one, as_xml, xml=True)
        again = Sent(one.name, one.type, f"x{one.id}", as_xml.replace(f'"{one.id}"'.encode(), f'"x{one.id}"'.encode(), 1), xml=True)
        put(hub, again)
        assert through_xml({**exact(hub.get(again.path, Accept=JSON).body), "id": one.id}) == through_xml(exact(as_json)), one.name


def test_the_corpus_holds_every_stored_type() -> None:
    types = [json.loads(content)["resourceType"] for _, content in corpus.invented()]
    assert set(types) == STORED
    assert len(types) >= 72


def test_the_invented_corpus(hub: Client) -> None:
    found = [one for one in sent(corpus.invented(), "i") if one.type in PUTTABLE]
    assert len(found) > 1
    ways(hub, found)


def create(hub: Client, name: str, type_: str, content: bytes) -> None:
    """Create, read back, and create again from the XML that came back."""
    reply = hub.request("POST", type_, content)
    assert reply.status == 201, (name, reply.body)
    path = f"{type_}/{reply.json['id']}"
    own = {"meta": "", "id": ""}
    stored = hub.get(path, Accept=JSON).body.decode()
    filled = completed(json.loads(content)) if type_ == "AuditEvent" else {}
    assert {**raw_members(content.decode()), **own, **dict.fromkeys(filled, "")} == {
        **raw_members(stored),
        **own,
        **dict.fromkeys(filled, ""),
    }, name
    assert {each: json.loads(stored)[each] for each in filled} == filled, name
    again = hub.request("POST", type_, hub.get(path, Accept=XML).body, Content_Type=XML)
    assert again.status == 201, (name, again.body)
    assert through_xml(exact(again.body)) == through_xml({**exact(reply.body), "id": again.json["id"]}), name


def created(found: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, str, bytes]]:
    """Yield what is of a type that can be created and not updated."""
    for name, content in found:
        if content.startswith(b"{") and (type_ := json.loads(content)["resourceType"]) in STORED - PUTTABLE:
            yield name, type_, content


def test_what_can_only_be_created(hub: Client) -> None:
    assert {type_ for _, type_, _ in created(corpus.invented())} == {"AuditEvent", "Provenance"}
    for name, type_, content in created(corpus.invented()):
        create(hub, name, type_, content)


def test_the_record_in_the_reference_data(hub: Client, reference: Path) -> None:
    found = list(created(corpus.reference(reference)))
    assert len(found) >= 7
    for name, type_, content in found:
        create(hub, name, type_, content)


def test_through_a_transaction_and_a_search(hub: Client) -> None:
    everything = [one for one in sent(corpus.invented(), "t") if one.type in PUTTABLE and len(one.body) < 50_000]
    entries = b",".join(
        b'{"resource":%b,"request":{"method":"PUT","url":"%b"}}' % (one.body, one.path.encode()) for one in everything
    )
    reply = hub.request("POST", "", b'{"resourceType":"Bundle","type":"transaction","entry":[' + entries + b"]}")
    assert {entry["response"]["status"][:3] for entry in reply.json["entry"]} == {"201"}
    for one in everything:
        assert exact(hub.get(one.path, Accept=JSON).body) == exact(one.body), one.name
        if one.type == "Binary":
            continue
        page = hub.get(f"{one.type}?_id={one.id}").body
        whole = json.loads(page, parse_float=lambda number: ("number", number), parse_int=lambda number: ("number", number))
        assert [without_versions(entry["resource"]) for entry in whole["entry"]] == [exact(one.body)], one.name
        assert one.id.encode() in page


def test_the_reference_data(hub: Client, reference: Path) -> None:
    stored = unique(one for one in sent(corpus.reference(reference), "r") if one.type in PUTTABLE)
    stored = [one for one in stored if one.type != "Subscription"]  # what is requested the server makes active, at once
    refused = [one for one in stored if NO_BSN in one.body]
    for one in refused:
        reply = hub.request("PUT", one.path, one.body, Content_Type=XML if one.xml else JSON)
        assert (reply.status, b"bsn-invalid" in reply.body) == (422, True)
    assert 0 < len(refused) < 10
    assert len(stored) > 200
    ways(hub, [one for one in stored if one not in refused])


def unique(found: Iterator[Sent]) -> list[Sent]:
    """Keep one of those that differ in nothing but the id: Bundles repeat the same people."""
    kept = {re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", one.body.decode().replace(f'"{one.id}"', "")): one for one in found}
    return list(kept.values())


def test_federated_types_between_json_and_xml(reference: Path) -> None:
    count = 0
    refused = set()
    for one in sent(corpus.reference(reference), "f"):
        if one.type in STORED or one.type not in KNOWN:
            continue
        count += 1
        if one.xml:
            try:
                as_json = own_json.write(own_xml.read(one.body))
            except Malformed:
                refused.add(one.name.rpartition("/")[2].partition("#")[0])
                continue
            assert tree(own_xml.write(own_json.read(as_json).resource)) == tree(one.body), one.name
        else:
            as_xml = own_xml.write(own_json.read(one.body).resource)
            assert exact(own_json.write(own_xml.read(as_xml))) == exact(one.body), one.name
    assert count > 400
    assert refused == NOT_R4.keys()
