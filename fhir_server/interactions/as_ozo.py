"""What a body is given before it is stored, so that OZO clients find what they rely on; all else stays as it was sent."""

from collections.abc import Mapping
from typing import Any

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.model.json import Document, write
from fhir_server.network import ozo


def completed(document: Document) -> Document:
    """Return ``document`` with what OZO clients leave out; before it is validated."""
    return _with(document, ozo.completed(document.resource))


def profiled(call: Call, document: Document) -> Document:
    """Return ``document``, which is valid, with the profile of OZO that it has; raises Unprocessable for one that must have it."""
    judged = ozo.judged(document.resource, call.services.ozo)
    if judged.refused:
        raise Unprocessable("The resource does not conform to the profile of the network.", issues=judged.refused)
    meta = document.resource.get("meta", {})
    if tuple(meta.get("profile", ())) == judged.profiles:
        return document
    kept = {name: value for name, value in meta.items() if name not in {"profile", "_profile"}}
    return _with(document, {"meta": {"profile": list(judged.profiles), **kept} if judged.profiles else kept})


def received(call: Call, document: Document, before: Mapping[str, Any] | None, at: str) -> Document:
    """Return ``document``, a Communication without ``sent`` with the moment in which its first version was received."""
    if call.type != "Communication" or not document.resource.keys().isdisjoint({"sent", "_sent"}):
        return document
    return _with(document, {"sent": (before or {}).get("sent", at)})


def _with(document: Document, members: Mapping[str, Any]) -> Document:
    if not members:
        return document
    texts = {name: write(value).decode() for name, value in members.items()}
    return Document({**document.resource, **members}, {**document.members, **texts})
