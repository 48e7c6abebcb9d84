"""Citizen service numbers on their way in and out: stored sealed, shown to whom the role matrix lets see them."""

from collections.abc import Collection
from dataclasses import replace

from fhir_server.interactions.call import Answer, Call
from fhir_server.model import bsn_body
from fhir_server.model.bsn_seal import MARK
from fhir_server.model.json import Document
from fhir_server.search.sealed import has_number as asks_number
from fhir_server.search.sealed import sealed_in
from fhir_server.search.search import Search
from fhir_server.search.tree import Query


def sealed(call: Call, document: Document, body: bytes) -> Document:
    """Return ``document``, which was read from ``body``, as it is stored; raises Unprocessable for what is no number."""
    return bsn_body.sealed(document, call.services.bsn) if bsn_body.may_hold(body) else document


def with_sealed(call: Call, wanted: Search) -> Search:
    """Return ``wanted`` with a query as ``query_sealed`` makes it."""
    return replace(wanted, query=query_sealed(call, wanted.query)) if wanted.numbered else wanted


def query_sealed(call: Call, query: Query) -> Query:
    """Return ``query`` with the numbers in it as the index knows them.

    Those of a caller who does not see all numbers stay as they are, and find nothing: trying them would tell.
    """
    if not asks_number(query.where) or call.services.gate.bsn.sight(call.actor) != "all":
        return query
    return replace(query, where=sealed_in(query.where, call.services.bsn.seals))


async def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it."""
    return replace(answer, body=await shown(call, answer.body)) if has_number(answer.body) else answer


async def shown(call: Call, body: bytes) -> bytes:
    """Return the resource ``body``, as it is stored or made of such, as the caller may see it."""
    return bsn_body.revealed(body, call.services.bsn, await _visible(call)) if has_number(body) else body


def has_number(body: bytes) -> bool:
    """Tell whether a sealed number stands in ``body``."""
    return MARK in body


async def _visible(call: Call) -> Collection[str] | None:
    """Return the sealed texts of the numbers that the caller sees; None for all."""
    sight = call.services.gate.bsn.sight(call.actor)
    if sight == "all":
        return None
    own = call.actor.reference if call.actor.role == "patient" else call.actor.patient
    if sight == "none" or not own:
        return ()
    grants = [call.services.gate.locating("Patient")]
    found = await call.services.repository.fetch(grants, [own])
    own_texts = (text for each in found for text in bsn_body.own_texts(each.body))
    return {each for text in own_texts for each in call.services.bsn.equivalents(text)}
