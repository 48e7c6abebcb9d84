"""A line of the record as an AuditEvent (https://hl7.org/fhir/R4/auditevent.html), with the fields of NEN 7513.

It fits the patterns of IHE BALP (https://profiles.ihe.net/ITI/BALP/) and the profile OZOAuditEvent, and claims them where it does.
Pure: the same line gives the same event.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from fhir_server.audit.balp import profiles
from fhir_server.audit.codes import ENTITY, REQUEST_ID, SOURCE, agent_type, coded, coding, outcome, subtypes
from fhir_server.audit.record import service_in, times_in, types_in
from fhir_server.model.meta import instant
from fhir_server.storage.line_id import line_id
from fhir_server.storage.repository import AuditRow, Logged

Json = dict[str, Any]
RECORD: Final = "https://netwerkdossier.example/fhir/record"
"""``meta.source`` of every line of the record: by it they differ from the AuditEvents that clients sent."""
_POLICY: Final = "https://netwerkdossier.example/fhir/policy/roles"
_OZO: Final = "http://headease.gitlab.io/ozo-refererence-impl/ozo-implementation-guide/StructureDefinition/ozo-"
_NO_PERSON: Final = frozenset({"", "system", "source", "operator"})
_WRITES: Final = frozenset("CUD")


class Observer(NamedTuple):
    """Who keeps the record: the FHIR ``base`` of the server, the ``site`` it belongs to, its own ``name``, and its ``kind``.

    ``kind`` is a code of http://terminology.hl7.org/CodeSystem/security-source-type.
    """

    base: str
    site: str = "Network dossier hub"
    name: str = "hub"
    kind: str = "4"


class Named(NamedTuple):
    """How a person or organisation is called, and the ``identifier`` (system, value) by which everybody knows it."""

    name: str = ""
    identifier: tuple[str, str] | None = None


def event(logged: Logged, observer: Observer, names: Mapping[str, Named], dossiers: Sequence[str]) -> Json:
    """Return the AuditEvent of a line.

    ``names`` are those of the references in it that are known, ``dossiers`` those that it touched and the reader may know of.
    """
    line = logged.line
    agents = list(_agents(line, observer, names))
    found: Json = {"resourceType": "AuditEvent", "id": line_id(logged.row, logged.chain, logged.seq)}
    found["meta"] = {"versionId": "1", "lastUpdated": instant(line.recorded), "source": RECORD}
    found |= _traced(line.trace)
    found["type"] = coding("rest")
    if subtype := subtypes(line.interaction):
        found["subtype"] = subtype
    found |= {"action": line.action, "recorded": instant(line.recorded), "outcome": outcome(line.status)}
    found["outcomeDesc"] = " ".join([_described(line.status), *times_in(line.detail)])
    if line.purpose:
        found["purposeOfEvent"] = [coded(line.purpose, "purpose")]
    found["agent"] = agents
    found["source"] = _source(observer)
    if entities := list(_entities(line, names, dossiers)):
        found["entity"] = entities
    if claims := profiles(line, len(dossiers)):
        found["meta"]["profile"] = claims
    return found


def _traced(trace: str) -> Json:
    trace_id, _, span_id = trace.partition("-")
    if not span_id:
        return {}
    pairs = (("trace-id", trace_id), ("span-id", span_id))
    return {"extension": [{"url": _OZO + name, "valueString": value} for name, value in pairs]}


def _described(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _agents(line: AuditRow, observer: Observer, names: Mapping[str, Named]) -> Iterable[Json]:
    """Yield the person, the software, the server and the organisation, as far as there are such."""
    person = line.role not in _NO_PERSON
    if person:
        yield _person(line, names)
    yield _software(line, requestor=not person)
    server = urlsplit(observer.base).hostname or observer.name
    yield {
        "type": agent_type("server", line.action),
        "who": _observer(observer),
        "requestor": False,
        "network": {"address": server, "type": "1"},
    }
    if line.organisation:
        yield {"type": agent_type("organisation", ""), "who": _organisation(line.organisation, names), "requestor": False}


def _person(line: AuditRow, names: Mapping[str, Named]) -> Json:
    named = names.get(line.actor, Named())
    who = {"reference": line.actor, "type": line.actor.partition("/")[0]}
    agent: Json = {"type": agent_type("person", line.action), "role": [coded(line.role, "role")], "who": who}
    if named.name:
        who["display"] = agent["name"] = named.name
    agent["requestor"] = True
    if line.action != "D":
        agent["policy"] = [_POLICY]
    if line.purpose:
        agent["purposeOfUse"] = [coded(line.purpose, "purpose")]
    return agent


def _software(line: AuditRow, *, requestor: bool) -> Json:
    agent: Json = {"type": agent_type("software", line.action)}
    if requestor and line.actor:
        agent["who"] = {"reference": line.actor, "type": line.actor.partition("/")[0]}
        if line.action != "D":
            agent["role"] = [coded(line.role, "role")]
        if line.role == "operator" and line.client not in {"", line.actor}:
            agent["altId"] = line.client  # the account from which somebody gave a command
    elif line.client:
        agent["who"] = {"type": "Device", "identifier": {"value": line.client}}
    else:
        agent["who"] = {"type": "Device", "display": "unknown software" if line.actor else "unknown"}
    agent["requestor"] = requestor
    if line.address:
        agent["network"] = {"address": line.address, "type": "2"}
    return agent


def _organisation(reference: str, names: Mapping[str, Named]) -> Json:
    named = names.get(reference, Named())
    system, value = named.identifier or ("https://netwerkdossier.example/fhir/NamingSystem/organization", reference)
    who: Json = {"identifier": {"system": system, "value": value}}
    return who | {"display": named.name} if named.name else who


def _observer(observer: Observer) -> Json:
    return {
        "type": "Device",
        "identifier": {"system": "https://netwerkdossier.example/fhir/NamingSystem/hub", "value": observer.name},
    }


def _source(observer: Observer) -> Json:
    return {"site": observer.site, "observer": _observer(observer), "type": [coding(observer.kind, SOURCE)]}


def _entities(line: AuditRow, names: Mapping[str, Named], dossiers: Sequence[str]) -> Iterable[Json]:
    data = _data(line)
    if data is not None:
        yield data
    for reference in dossiers:
        yield _client(line, reference, names)
    yield from ({"what": {"reference": one, "type": "Consent"}, "type": ENTITY["consent"]} for one in _consents(line.basis))
    yield from (_asked(one) for one in line.detail.split() if "=" in one and line.source)
    if line.request:
        yield {"what": {"identifier": {"value": line.request}}, "type": REQUEST_ID}


def _data(line: AuditRow) -> Json | None:
    """Return what the line is about: a resource, version and all, or a question, of which the record has the names only."""
    if line.id and line.type and not line.interaction.startswith(("$", "search")):
        version = f"/_history/{line.version}" if line.version else ""
        what = {"reference": f"{line.type}/{line.id}{version}", "type": line.type}
        return {"what": what, "type": ENTITY["object"], "role": ENTITY["resource"]}
    if line.action == "E" and line.interaction not in {"unknown", "batch", "transaction"}:
        place = f"{line.type}/{line.interaction}" if line.interaction[:1] == "$" else line.type
        asked = b64encode(f"{place}?{line.query}".encode()).decode()
        return {"type": ENTITY["object"], "role": ENTITY["query"], "query": asked}
    if line.type:
        return {"what": {"type": line.type, "display": line.type}, "type": ENTITY["object"], "role": ENTITY["resource"]}
    return None


def _client(line: AuditRow, reference: str, names: Mapping[str, Named]) -> Json:
    what = {"reference": reference, "type": "Patient"}
    if named := names.get(reference, Named()).name:
        what["display"] = named
    found: Json = {"what": what, "type": ENTITY["person"], "role": ENTITY["patient"]}
    if details := list(_details(line)):
        found["detail"] = details
    return found


def _details(line: AuditRow) -> Iterable[Json]:
    if line.action == "D":
        return
    decision = " ".join(one for one in line.basis.split() if not one.startswith(("Consent/", "closed:")))
    types = " ".join(types_in(line.detail))
    told = (
        ("data-category", line.category),
        ("resource-types", types),
        ("decision", decision),
        ("data-service", service_in(line.detail)),
        ("emergency-reason", line.reason),
    )
    for name, value in told:
        if value:
            yield {"type": name, "valueString": value}


def _consents(basis: str) -> Iterable[str]:
    return (one for one in dict.fromkeys(basis.split()) if one.startswith("Consent/"))


def _asked(source: str) -> Json:
    name, _, result = source.partition("=")
    return {
        "what": {"identifier": {"value": name}, "display": name},
        "type": ENTITY["source"],
        "detail": [{"type": "outcome", "valueString": result}],
    }
