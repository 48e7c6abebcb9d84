"""Makes the answers of the sources one list of resources of the hub.

Every resource gets its sealed id, refers to the hub's patient and to the other resources by their sealed ids, and says which
organisation it came from. Nothing tells where a source system is or what an object is called there.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from adapters.contract import Resource, Source
from fhir_server.federation.answer import SourceAnswer
from fhir_server.federation.origin import origin
from fhir_server.federation.pace import Steps
from fhir_server.federation.rewrite import Rewriting, rewritten
from fhir_server.federation.sealed_id import Seal
from fhir_server.search.rows import Indexed

FEDERATED = {
    "system": "https://netwerkdossier.example/fhir/CodeSystem/hub-tag",
    "code": "federated",
    "display": "Asked from its source",
}
NUMBER = re.compile(r"(?=.*[0-9]).{8,}")
KEPT_META = ("versionId", "lastUpdated", "security")


@dataclass(frozen=True, slots=True)
class Merged:
    """A resource as the hub shows it, the source that it came from, and what an index would hold of it, once that is known."""

    resource: Resource
    source: Source
    indexed: Indexed | None = field(default=None, compare=False)

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        """The id, as the hub shows it."""
        return str(self.resource["id"])

    @property
    def reference(self) -> str:
        """The relative reference, "Type/id"."""
        return f"{self.type}/{self.id}"


def merge(answer: SourceAnswer, patient: str, asked: Collection[tuple[str, str]], seal: Seal) -> Steps[dict[str, Merged]]:
    """Return the resources of an answer, each once, rewritten, by their references; without the source's own Patient resources.

    ``patient`` is the hub's "Patient/id", ``asked`` the identifiers under which the source knows that patient. The answer must
    have passed the guard.
    """
    source = answer.source
    targets: dict[str, str] = {}
    for resource in answer.translation.resources:
        type_, local = str(resource.get("resourceType", "")), str(resource.get("id", ""))
        if type_ and local:
            hub = patient if type_ == "Patient" else f"{type_}/{seal.seal(patient, source.name, type_, local)}"
            targets[f"{type_}/{local}"] = hub
        yield
    for reference in answer.translation.elsewhere:
        type_, _, local = reference.partition("/")
        targets.setdefault(reference, f"{type_}/{seal.seal(patient, source.name, type_, local)}")
    rewriting = Rewriting(targets, patient, tuple(asked), _traces(source, asked), seal.opaque)
    found: dict[str, Merged] = {}
    for resource in answer.translation.resources:
        target = targets.get(f"{resource.get('resourceType')}/{resource.get('id')}", patient)
        if target != patient and target not in found:
            found[target] = Merged(_shown(resource, target, answer, rewriting), source)
        yield
    return found


def _shown(resource: Resource, target: str, answer: SourceAnswer, rewriting: Rewriting) -> Resource:
    type_, _, id_ = target.partition("/")
    content = {name: value for name, value in resource.items() if name not in {"resourceType", "id", "meta"}}
    meta = resource.get("meta")
    kept = {name: meta[name] for name in KEPT_META if name in meta} if isinstance(meta, dict) else {}
    shown_meta = kept | {"source": f"{origin(answer.source)}#{answer.request_id}", "tag": [FEDERATED]}
    return {"resourceType": type_, "id": id_, "meta": shown_meta, **rewritten(content, rewriting)}


def _traces(source: Source, asked: Collection[tuple[str, str]]) -> re.Pattern[str]:
    """Match what no answer may show: the address of the source, and the numbers under which it knows the patient.

    Only the host of a URL begins a match, not its scheme: a pattern that can begin with any word makes the merge twice as slow.
    """
    parts = urlsplit(source.endpoint)
    host = re.escape(parts.hostname or "")
    patterns = [rf"//{host}(?::[0-9]+)?[^\s\"'<>]*", re.escape(parts.netloc)]
    if "." in host:
        patterns.append(rf"{host}(?::[0-9]+)?")
    numbers = [re.escape(value) for _, value in asked if NUMBER.fullmatch(value)]
    return re.compile("|".join(patterns + numbers), re.IGNORECASE)
