"""Two dossiers of the same kinds of resources, the caller's own and a foreign one, and everybody who may ask about them."""

import http.client
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.client import JSON, Client, Demo, Reply
from flows.minimal import minimal
from flows.test_system import token

from fhir_server.catalog import catalog

CATALOGUE = catalog.load()
Json = dict[str, Any]
STORED = tuple(
    name
    for name, entry in CATALOGUE.types.items()
    if entry.home != "federated" and entry.patient and "create" in entry.interactions and name != "AuditEvent"
)
"""Every type that is stored in a dossier; AuditEvents belong to who made them and have tests of their own."""
FULLY = ("member", "bound system")


def types_for(role: str, among: Sequence[str] = STORED) -> Sequence[str]:
    """Return the types to ask about as ``role``: all for two of them, for the others some each, together all of them again."""
    return among if role in FULLY else among[len(role) % 3 :: 3]


_ABOUT = {
    "Task": "for",
    "RelatedPerson": "patient",
    "Consent": "patient",
    "Device": "patient",
    "Binary": "securityContext",
}
_HIDDEN_HEADERS = frozenset({"date", "x-request-id", "traceparent", "connection"})
"""What differs from answer to answer: the time, names of the request, and whether the server ends a connection that is old."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT")


class Caller:
    """A client that keeps its connection."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)

    def request(self, method: str, path: str, body: bytes | Any = None, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.client.token:
            sent["Authorization"] = f"Bearer {self.client.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", JSON)
        try:
            self._connection.request(method, f"/fhir/{path}", body, sent)
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # it was idle for so long that the server ended it
            self._connection.close()
            self._connection.request(method, f"/fhir/{path}", body, sent)
            answer = self._connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, **headers)

    def close(self) -> None:
        self._connection.close()


@dataclass
class Dossier:
    """The ``ids`` of one dossier's resources, by type; ``mark`` stands in all of its texts."""

    mark: str
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def patient(self) -> str:
        return self.reference("Patient")

    def reference(self, type_: str) -> str:
        return f"{type_}/{self.ids[type_]}"


class World:
    """Dossiers ``own``, ``foreign``, ``gone`` (foreign, all of it deleted) and ``absent`` (nothing is there)."""

    def __init__(self, hub: Demo) -> None:
        self.hub, self.system = hub, hub.as_("system")
        run = uuid.uuid4().hex[:8]
        self.own, self.foreign, self.gone, self.absent = (Dossier(f"{letter}{run}") for letter in "mfga")
        people = {"member": "Practitioner", "stranger": "Practitioner", "third": "Patient", "gpgone": "Practitioner"}
        self.people = {name: self._person(type_, f"{name}-{run}") for name, type_ in people.items()}
        for dossier in (self.own, self.foreign, self.gone, self.absent):
            dossier.ids = {type_: f"{dossier.mark}-{number}" for number, type_ in enumerate(STORED)}
        for dossier in (self.own, self.foreign, self.gone):
            self._fill(dossier, self.people["member" if dossier is self.own else "gpgone"])
        for type_ in reversed(STORED):
            self.system.request("DELETE", self.gone.reference(type_))
        self.callers = {name: Caller(client) for name, client in self._callers().items()}

    @property
    def names(self) -> tuple[str, ...]:
        """What tells the answer about one dossier from that about another."""
        each = (self.foreign, self.gone, self.absent)
        return (*(dossier.ids["Provenance"] for dossier in each), *(dossier.mark for dossier in each))

    def _callers(self) -> dict[str, Client]:
        def made(reference: str, role: str, scope: str = "user/*.cruds", **more: str) -> Client:
            return token(self.hub, reference, role, scope, **more)

        return {
            "member": made(self.people["member"], "practitioner"),
            "stranger": made(self.people["stranger"], "practitioner"),
            "carer": made(self.own.reference("RelatedPerson"), "related-person"),
            "client": made(self.own.patient, "patient"),
            "another client": made(self.people["third"], "patient"),
            "bound system": made("Device/bound", "system", "system/*.cruds", patient=self.own.ids["Patient"]),
            "operator": made("Device/operator", "operator", "system/*.cruds"),
            "privacy officer": made(self.people["stranger"], "privacy-officer"),
            "source": made("Device/source", "source", "system/*.cruds"),
            "pgo": made(self.own.patient, "pgo", "patient/*.cruds", patient=self.own.ids["Patient"]),
            "nobody": Client(self.hub.port),
        }

    def _person(self, type_: str, id_: str) -> str:
        assert self.system.put({"resourceType": type_, "id": id_, "active": True, "name": [{"family": id_}]}).status == 201
        return f"{type_}/{id_}"

    def _fill(self, dossier: Dossier, professional: str) -> None:
        for type_ in sorted(STORED, key=lambda each: (each != "Patient", each != "RelatedPerson")):
            made, creates = resource(type_, dossier, professional), "update" not in CATALOGUE.types[type_].interactions
            reply = self.system.post({**made, "id": "x"}) if creates else self.system.put(made)
            assert reply.status == 201, (type_, reply.body)
            dossier.ids[type_] = reply.json["id"]
            if creates:
                self.absent.ids[type_] = "0" * len(reply.json["id"])


def resource(type_: str, dossier: Dossier, professional: str = "") -> Json:
    """Return a resource of ``dossier`` with its mark wherever a text can stand."""
    mark, subject = dossier.mark, {"reference": dossier.patient}
    made = minimal(type_) | {"id": dossier.ids[type_]}
    made["meta"] = {
        "tag": [{"system": "urn:tag", "code": mark}],
        "security": [{"system": "urn:label", "code": mark}],
        "source": f"urn:source:{mark}",
    }
    if type_ != "Binary":
        made["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{mark}</div>'}
    identifier = {"system": "urn:canary", "value": mark}
    if "identifier" in CATALOGUE.types[type_].search:
        made["identifier"] = identifier if type_ == "QuestionnaireResponse" else [identifier]
    if type_ == "Patient":
        return made | {"active": True, "name": [{"family": mark}], "birthDate": "1951-02-03"}
    if type_ == "Appointment":
        return made | {"participant": [{"actor": subject, "status": "accepted"}]}
    if type_ == "Provenance":
        return made | {"target": [subject], "agent": [{"who": subject}]}
    made[_ABOUT.get(type_, "subject")] = subject
    more: Mapping[str, Json] = {
        "CareTeam": {"status": "active", "name": mark},
        "Communication": {"status": "completed", "payload": [{"contentString": mark}], "sent": "2026-02-01"},
        "CommunicationRequest": {"status": "active", "authoredOn": "2026-02-01"},
        "Task": {"status": "requested", "intent": "order", "authoredOn": "2026-02-01", "description": mark},
        "RelatedPerson": {"active": True, "name": [{"family": mark}]},
        "Observation": {"status": "final", "effectiveDateTime": "2026-02-01", "valueString": mark},
    }
    made |= more.get(type_, {})
    if type_ == "CareTeam":
        members = (professional, dossier.reference("RelatedPerson"))
        made["participant"] = [{"member": {"reference": each}} for each in members]
    if type_ == "Binary":
        made["data"] = "a2FuYXJpZQ=="
    return made


def told(reply: Reply, *names: str) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer without times and hidden headers, each of ``names`` replaced by a letter."""

    def plain(text: str) -> str:
        for name in names:
            text = text.replace(name, "X" * len(name))
        return _TIME.sub("T", text)

    headers = {name: plain(value) for name, value in reply.headers.items() if name not in _HIDDEN_HEADERS}
    return reply.status, headers, plain(reply.body.decode())
