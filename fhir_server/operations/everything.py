"""``Patient/{id}/$everything``: the whole dossier, and what the sources hold, as far as the caller sees it.

https://hl7.org/fhir/R4/patient-operation-everything.html. Each type is searched under the caller's grant for it, as a search of
that type would be; what changed last comes first, in pages that hold through writes. What the sources hold comes with the first
page, whole, as in a search: later pages would ask them again.
"""

from collections.abc import Sequence

from fhir_server.audit.record import seen
from fhir_server.catalog.catalog import Entry
from fhir_server.errors import BadRequest, Forbidden, NotFound
from fhir_server.federation.outcome import HEADER, completeness, outcome
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions.asking_once import asking_once
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.include import CAPPED, Included
from fhir_server.interactions.page_entries import entries_of
from fhir_server.interactions.parameters import address, next_link
from fhir_server.interactions.read import existing
from fhir_server.interactions.read_page import Read
from fhir_server.interactions.search_sources import entries_of as of_sources
from fhir_server.interactions.search_system import Part, page_of
from fhir_server.interactions.settle import settled
from fhir_server.model import bundle
from fhir_server.model.bundle import Link
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.operations.everything_asked import Wanted, place, wanted
from fhir_server.operations.everything_sources import AtSources, at_sources
from fhir_server.operations.referred import referred
from fhir_server.search.compartment import within
from fhir_server.search.paging import Position
from fhir_server.search.subset import Subset
from fhir_server.search.tree import And, Dossier, Node, Or, Query, ReferenceTo, Sort

_NEWEST = Sort("_lastUpdated")
_WHOLE = Subset()
_OWN = 1


@undisturbed
async def everything(call: Call) -> Answer:
    """Answer a searchset of the Patient, what is in the compartment, and what that refers to.

    Raises BadRequest, Gone, Forbidden for who does not see the Patient, whether or not there is one, and where ``_type`` names a
    type that is closed to the caller.
    """
    await require_open(call)
    async with asking_once(call) as one:
        return await _answer(one)


async def _answer(call: Call) -> Answer:
    patient = f"Patient/{call.id}"
    asked, position = wanted(call)
    parts = await _parts(call, patient, asked)
    sources = await at_sources(call, patient, asked) if position is None else AtSources()
    page = await page_of(call, Query("", sort=_NEWEST, count=asked.count), parts, position)
    call.touched.find(page.resources)
    along = await referred(call, page.resources, asked.covers)
    call.touched.find(along.resources)
    links = [_self(call, asked), *_next(call, asked, page)]
    whole = position is None and page.end is None and completeness(sources.answers, _OWN) == "complete"
    total = len(page.resources) + len(sources.found) if whole else None
    body = bundle.searchset(await _entries(call, page, along, sources), links, total)
    headers = ((HEADER, completeness(sources.answers, _OWN)),) if position is None else ()
    return Answer(200, body, headers, dossier=patient, keep=False, detail=_seen(call, page, along, sources))


async def require_open(call: Call) -> None:
    """Raise unless the caller sees the Patient; only the system is told that there is none."""
    grant = call.services.gate.grant(call.actor, "read", "Patient")
    stored = await call.services.repository.read(grant, "Patient", call.id)
    if stored is None and (call.actor.role != "system" or call.actor.patient):
        call.touched.ask(f"Patient/{call.id}")
        raise Forbidden(OUTSIDE)
    existing(call, stored)


async def _parts(call: Call, patient: str, asked: Wanted) -> list[Part]:
    """Return the searches of the own store; raises BadRequest, and Forbidden for a type that ``_type`` names."""
    types = {
        entry.name: where for entry in asked.types or call.services.catalog.types.values() if (where := _where(entry, patient))
    }
    if asked.types and not types and all(entry.is_stored for entry in asked.types):
        names = ", ".join(entry.name for entry in asked.types)
        text = f"{names}: in no dossier, so it comes along with what refers to it. Name in '_type' that as well, CareTeam for one."
        raise BadRequest(text, detail="search-value")
    gate, actor = call.services.gate, call.actor
    grants = (
        [gate.grant(actor, "search-type", each) for each in types] if asked.types else gate.permitted(actor, "search-type", types)
    )
    named = ReferenceTo("patient", patient)
    return [
        Part(
            await settled(call, grant, named),
            Query(
                grant.type, And((types[grant.type], *asked.criteria(call.services.catalog.types[grant.type]))), _NEWEST, asked.count
            ),
        )
        for grant in grants
    ]


def _where(entry: Entry, patient: str) -> Node | None:
    """Return what of a type is in the compartment or in the dossier of ``patient``; None when nothing can be.

    A reply that names no client is in the dossier of its conversation, and in no compartment.
    """
    if not entry.is_stored:
        return None
    mine = (Dossier((patient,)),) if entry.patient else ()
    try:
        return Or((within(entry, patient), *mine))
    except NotFound:
        return mine[0] if mine else None


async def _entries(call: Call, page: Read, along: Included, sources: AtSources) -> list[bytes]:
    told = outcome(sources.answers, _OWN)
    capped = [bundle.outcome(write(operation_outcome([CAPPED])))] if along.capped else []
    return [
        *([bundle.outcome(write(told))] if told else []),
        *entries_of(call, page.resources, _WHOLE),
        *await of_sources(call, sources.found, "match"),
        *entries_of(call, along.resources, _WHOLE, "include"),
        *await of_sources(call, sources.beside, "include"),
        *capped,
    ]


def _seen(call: Call, page: Read, along: Included, sources: AtSources) -> str:
    """Return what the record says: the types that were seen, and what came of each source."""
    shown = {each.type for each in (*page.resources, *along.resources)} | {each.type for each in (*sources.found, *sources.beside)}
    return " ".join([seen(shown), *(f"{name}={came}" for name, came in call.touched.sources.items())])


def _self(call: Call, asked: Wanted) -> Link:
    url = f"{call.services.base}/{place(call)}"
    pages: Sequence[tuple[str, str]] = [each for each in call.parameters if each[0] == "_page"]
    return Link("self", address(url, pages or (() if call.body.strip() else asked.parameters)))


def _next(call: Call, asked: Wanted, page: Read) -> list[Link]:
    if page.end is None:
        return []
    position = Position(place(call), asked.parameters, page.end, page.snapshot)
    return [next_link(call, position)]
