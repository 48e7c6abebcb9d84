"""Citizen service numbers on their way in and out: stored sealed, shown to whom the role matrix lets see them."""

from collections.abc import Collection
from dataclasses import replace

from fhir_server.interactions.call import Answer, Call
from fhir_server.model import bsn_body
from fhir_server.model.bsn_seal import MARK
from fhir_server.model.json import Document
from fhir_server.search.sealed import Sealing


def sealed(call: Call, document: Document, body: bytes) -> Document:
    """Return ``document``, which was read from ``body``, as it is stored; raises Unprocessable for what is no number."""
    return bsn_body.sealed(document, call.services.bsn) if bsn_body.may_hold(body) else document


def sealing(call: Call) -> Sealing | None:
    """Return what makes criteria find a number; None for a caller who does not see all numbers: trying them would tell."""
    return call.services.bsn.seal if call.services.gate.bsn_sight(call.actor) == "all" else None


async def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it."""
    return replace(answer, body=await shown(call, answer.body)) if MARK in answer.body else answer


async def shown(call: Call, body: bytes) -> bytes:
    """Return the resource ``body``, as it is stored or made of such, as the caller may see it."""
    return bsn_body.revealed(body, call.services.bsn, await _visible(call)) if MARK in body else body


async def _visible(call: Call) -> Collection[str] | None:
    """Return the sealed texts of the numbers that the caller sees; None for all."""
    sight = call.services.gate.bsn_sight(call.actor)
    if sight == "all":
        return None
    own = call.actor.reference if call.actor.role == "patient" else call.actor.patient
    if sight == "none" or not own:
        return ()
    grants = [call.services.gate.locating("Patient")]
    found = await call.services.repository.fetch(grants, [own])
    return {text for each in found for text in bsn_body.own_texts(each.body)}
