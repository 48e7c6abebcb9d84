"""The history interactions on a resource, on a type and on the whole system (https://hl7.org/fhir/R4/http.html#history).

As with vread, what the caller may see of the current version decides about all versions. A deletion keeps the dossier of the
resource, so the members of the dossier see it; what is seen by its references only (who sent it, say) is gone for everybody but
``system`` once it is deleted.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Final, Literal

from fhir_server.errors import Forbidden, NotFound
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.out_of_reach import require_no_hiding
from fhir_server.interactions.parameters import address, is_strict, largest_page, next_link
from fhir_server.interactions.several import Fetch, merged, open_types
from fhir_server.interactions.subsets import of_request
from fhir_server.model.bundle import Link, Version, history
from fhir_server.model.meta import etag, instant
from fhir_server.search.history import Wanted, read
from fhir_server.search.paging import Position
from fhir_server.search.subset import Subset
from fhir_server.search.tree import Cursor
from fhir_server.search.versions import Place, Versions
from fhir_server.storage.repository import Grant, Page, Stored

_AFTER: Final = "_version"
"""What a sealed position holds besides the parameters: the version, since a Cursor has room for the time and the row only."""


async def of_instance(call: Call) -> Answer:
    """Answer the versions of one resource, newest first, with their exact number; it may be deleted by now."""
    grant = call.services.gate.grant(call.actor, "history-instance", call.type)
    stored = await call.services.repository.read(grant, call.type, call.id)
    if stored is None:
        require_no_hiding(call)
        raise NotFound("No such resource. Check the type and the id.")
    call.touched.find([stored])
    if not stored.visible:
        raise Forbidden(OUTSIDE)
    answer = await _answer(call, [grant], f"{call.type}/{call.id}/_history", exact=True)
    answer.id, answer.version = stored.id, stored.version
    return answer


async def of_type(call: Call) -> Answer:
    """Answer the versions of every visible resource of the type, newest first."""
    grant = call.services.gate.grant(call.actor, "history-type", call.type)
    return await _answer(call, [grant], f"{call.type}/_history", exact=False)


async def of_system(call: Call) -> Answer:
    """Answer the versions of every visible resource of the types that the caller may ask the history of, newest first."""
    return await _answer(call, open_types(call, "history-type"), "_history", exact=False)


async def _answer(call: Call, grants: Sequence[Grant], path: str, *, exact: bool) -> Answer:
    wanted, after = _asked(call, path)
    subset = of_request(call, wanted.parameters)
    links = [Link("self", _self(call, path, wanted))]
    if wanted.count_only:
        return Answer(200, history([], links, await _count(call, grants, wanted.versions)))
    page = await _page(call, grants, replace(wanted.versions, after=after))
    call.touched.find(page.resources)
    total: int | None = None
    if after is None and not page.more:
        total = len(page.resources)
    elif exact:
        total = await _count(call, grants, wanted.versions)
    return Answer(
        200, history([_version(call, each, subset) for each in page.resources], [*links, *_next(call, path, wanted, page)], total)
    )


async def _count(call: Call, grants: Sequence[Grant], versions: Versions) -> int:
    repository = call.services.repository
    return sum([await repository.count_versions(grant, replace(versions, type=grant.type)) for grant in grants])


async def _page(call: Call, grants: Sequence[Grant], versions: Versions) -> Page:
    def fetch(grant: Grant) -> Fetch:
        def from_(last: Stored | None, count: int) -> Awaitable[Page]:
            after = Place(last.updated, last.row, last.version) if last else versions.after
            return call.services.repository.history(grant, replace(versions, type=grant.type, count=count, after=after))

        return from_

    return await merged(list(map(fetch, grants)), versions.count, _place)


def _place(stored: Stored) -> tuple[int, ...]:
    return stored.updated, stored.row, stored.version


def _asked(call: Call, path: str) -> tuple[Wanted, Place | None]:
    """Read the parameters, of the request or of the page token in it, and where the page begins; raises BadRequest."""
    wanted = _read(call, call.parameters)
    if not wanted.page:
        return wanted, None
    position = call.services.pager.open_(wanted.page, call.actor.view, path, call.now)
    *parameters, (_, version) = position.parameters
    return _read(call, parameters), Place(int(position.cursor.sort), position.cursor.row, int(version))


def _read(call: Call, parameters: Sequence[tuple[str, str]]) -> Wanted:
    return read(Versions(call.type, call.id), parameters, limit=largest_page(call), strict=is_strict(call))


def _self(call: Call, path: str, wanted: Wanted) -> str:
    return address(f"{call.services.base}/{path}", () if wanted.page else wanted.parameters)


def _next(call: Call, path: str, wanted: Wanted, page: Page) -> list[Link]:
    if not page.more:
        return []
    last = page.resources[-1]
    parameters = (*wanted.parameters, (_AFTER, str(last.version)))
    position = Position(path, parameters, Cursor(last.updated, last.row))
    return [next_link(call, position)]


def _version(call: Call, stored: Stored, subset: Subset) -> Version:
    """Return the entry of a version and the request that made it: a patch is the PUT it came to, what was conditional is direct."""
    reference = f"{stored.type}/{stored.id}"
    method: Literal["POST", "PUT", "DELETE"]
    if stored.deleted:
        method, url, status = "DELETE", reference, "204 No Content"
    elif stored.put:
        method, url, status = "PUT", reference, "201 Created"
    elif stored.version == 1:
        method, url, status = "POST", stored.type, "201 Created"
    else:
        method, url, status = "PUT", reference, "200 OK"
    full_url = f"{call.services.base}/{reference}"
    body = subset.of(stored.body, stored.type) if stored.body else b""
    return Version(full_url, body, method, url, status, etag(stored.version), instant(stored.updated))
