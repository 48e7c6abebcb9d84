"""What goes with an answer of the sources and did not come with it: asked for in a second wave, each type under its own grant."""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import replace

from fhir_server.federation.answer import SourceFault
from fhir_server.federation.merge import Merged
from fhir_server.interactions.ask_sources import Asked, ask_sources, may_ask, together
from fhir_server.interactions.call import Call
from fhir_server.search.include import targets
from fhir_server.search.search import Search


async def with_included(call: Call, patient: str, wanted: Search, shown: Sequence[Merged], asked: Asked) -> Asked:
    """Return ``asked`` with what ``shown`` refer to at their sources and ``wanted`` includes."""
    services = call.services
    named = targets([each.resource for each in shown], wanted.includes, services.catalog, services.base) if wanted.includes else ()
    sealed = [services.federation.seal.open_(each.partition("/")[2]) for each in named if each not in asked.merged]
    missing = sorted({(each.type, each.source) for each in sealed if each})
    if not missing:
        return asked
    return _recorded(call, together(asked, *await _asked(call, patient, missing)))


async def any_of(call: Call, patient: str, source: int) -> Asked:
    """Return all that the source with the digest ``source`` gives about ``patient``, and whatever comes along with that.

    For what is about nobody: of that no source can be asked by itself.
    """
    types = call.services.catalog.types.values()
    wanted = [(each.name, source) for each in types if each.home in {"federated", "both"}]
    return _recorded(call, together(Asked(), *await _asked(call, patient, wanted)))


async def _asked(call: Call, patient: str, wanted: Sequence[tuple[str, int]]) -> list[Asked]:
    """Ask for each type at one source, as a search of it would be asked; what the caller may not ask for is left out."""
    types = call.services.catalog.types
    parts = [
        (replace(call, entry=types[type_], interaction="search-type", request=f"{call.request}.{number}"), source)
        for number, (type_, source) in enumerate(wanted, 1)
        if "search-type" in types[type_].interactions
    ]
    return await gather(*(ask_sources(part, patient, only=source) for part, source in parts if may_ask(part)))


def _recorded(call: Call, asked: Asked) -> Asked:
    call.touched.sources |= {each.source.name: each.fault if isinstance(each, SourceFault) else "ok" for each in asked.answers}
    return asked
