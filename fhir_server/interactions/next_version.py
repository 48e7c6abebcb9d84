"""What update and patch share: from the stored version and the resource that follows it, to a write that others may outrun."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from fhir_server.errors import PreconditionFailed
from fhir_server.interactions import messages, minimised
from fhir_server.interactions.anew import anew
from fhir_server.interactions.as_ozo import received
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.warned import warned
from fhir_server.interactions.write import Write, change, commit, content, preferred, written
from fhir_server.model.body import OWN, decimal_text
from fhir_server.model.bsn_body import restored
from fhir_server.model.json import Document, read
from fhir_server.model.meta import instant, names_version, seconds_of, version_headers
from fhir_server.storage.repository import Grant, Stored

_MICROSECONDS = 1_000_000


async def store(call: Call, grant: Grant, prepare: Callable[[Call, Grant], Awaitable[Write]]) -> Answer:
    """Make what ``prepare`` gives; when somebody else was first, prepare it again on what they stored.

    Raises Conflict when others are first each time.
    """

    async def stored() -> Answer:
        return await commit(call, grant, await prepare(call, grant))

    conflict = "Others are changing this resource at the same moment. Read it again, then send your change with If-Match."
    return await anew(stored, conflict)


def require_match(call: Call, stored: Stored | None) -> None:
    """Raise PreconditionFailed when ``If-Match`` names another version than the current one, or ``If-None-Match`` that one.

    So it does for what changed after ``If-Unmodified-Since``.

    What is not there, or deleted, has no version that they could name (RFC 9110 section 13.1).
    """
    current = stored.version if stored and not stored.deleted else None
    wanted, unwanted = call.headers.get("if-match"), call.headers.get("if-none-match")
    if wanted and (current is None or not names_version(wanted, current)):
        raise PreconditionFailed("If-Match names another version than the current one. Read the resource again.")
    require_unmodified(call, stored)
    if unwanted and current is not None and names_version(unwanted, current):
        raise PreconditionFailed("There is a version that If-None-Match excludes. Read the resource, then send If-Match.")


def require_unmodified(call: Call, stored: Stored | None) -> None:
    """Raise PreconditionFailed when ``stored`` changed after ``If-Unmodified-Since``, counted in seconds as its Last-Modified.

    Without that header, or with ``If-Match`` beside it, with a date that is none, or where nothing is stored, it does not count
    (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.4).
    """
    headers = call.headers
    if stored is None or stored.deleted or "if-unmodified-since" not in headers or headers.get("if-match"):
        return
    since = seconds_of(headers.get("if-unmodified-since"))
    if since is not None and stored.updated // _MICROSECONDS > since:
        raise PreconditionFailed("The resource changed after If-Unmodified-Since. Read it again; If-Match is more precise.")


def following(call: Call, document: Document, stored: Stored | None) -> Write:
    """Return the write of ``document`` after ``stored``, of which nothing is made when they say the same.

    A number that is masked in ``document`` stays what it is in ``stored``, and so does what the caller did not see: a payload, or
    elements of a contained resource.
    """
    document = restored(document, stored.body) if stored and not stored.deleted else document
    document = messages.kept(call, document, stored) if stored and not stored.deleted else document
    document = minimised.kept(call.actor, document, stored.body) if stored and not stored.deleted else document
    document = received(call, document, content(stored), instant(call.now))
    if stored and not stored.deleted and _same(document, stored):
        headers = version_headers(stored.version, stored.updated)
        body = preferred(call, stored.body)
        return Write(None, warned(call, Answer(200, body, headers, stored.id, stored.version, updated=stored.updated)))
    made = change(call, document, call.id, stored)
    made = made if made.previous else replace(made, put=True)
    answer = written(call, made, 200 if made.previous else 201)
    answer.body = preferred(call, made.body)
    return Write(made, answer)


def _same(document: Document, stored: Stored) -> bool:
    current, new = _content(read(stored.body, OWN).resource), _content(document.resource)
    # Python takes 1.0 and 1.00 for equal, and FHIR does not: the precision of a decimal is part of it.
    return current == new and _written(current) == _written(new)


def _content(resource: dict[str, object]) -> dict[str, object]:
    meta = resource.get("meta")
    kept = {k: v for k, v in meta.items() if k not in {"versionId", "lastUpdated"}} if isinstance(meta, dict) else {}
    return {**resource, "id": "", "meta": kept}  # the body of a conditional update may be without an id


def _written(content: dict[str, object]) -> str:
    return json.dumps(content, sort_keys=True, default=decimal_text)
