"""A Bundle on the base of the server: a batch or a transaction (https://hl7.org/fhir/R4/http.html#transaction)."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from fhir_server.errors import BadRequest
from fhir_server.federation.asking import Asking
from fhir_server.interactions import batch, transaction
from fhir_server.interactions.bundle_entries import Item, items
from fhir_server.interactions.call import Answer, Call, resource_type_of
from fhir_server.model.json import read
from fhir_server.network import modifiers

T = TypeVar("T")
_LARGE: Final = 50_000  # bytes of a body


async def process(call: Call) -> Answer:
    """Answer a batch-response or transaction-response. ``call.interaction`` becomes what the Bundle says it is.

    Raises BadRequest for anything but a batch or transaction, TooLarge and Unprocessable for the Bundle as a whole.
    """
    bundle = await _beside(call, _read)
    kind = bundle.get("type")
    _charge(call, bundle.get("entry"))
    if kind not in ("batch", "transaction"):  # it may be anything, as it was sent
        raise BadRequest("Only Bundles of type batch and transaction are carried out.", expression="Bundle.type")
    entries = await _beside(call, lambda _: items(bundle, call.services.limits.entries))
    call.asking = Asking()
    try:
        return await _carried_out(call, str(kind), entries)
    finally:
        await call.services.federation.pace.through(call.asking.let_go())


async def _carried_out(call: Call, kind: str, entries: list[Item]) -> Answer:
    if kind == "transaction":
        call.interaction = "transaction"
        return await transaction.transaction(call, entries)
    return await batch.batch(call, entries)


async def _beside(call: Call, work: Callable[[Call], T]) -> T:
    """Return what ``work`` makes of ``call``: in a thread where that takes some milliseconds, in which others are served."""
    return await asyncio.to_thread(work, call) if len(call.body) > _LARGE else work(call)


def _read(call: Call) -> dict[str, Any]:
    bundle = read(call.body, call.services.limits).resource
    if resource_type_of(bundle) != "Bundle":
        raise BadRequest("The base takes a Bundle. POST a single resource to its type.", expression="resourceType")
    modifiers.check_bundle(bundle)
    return bundle


def _charge(call: Call, entries: object) -> None:
    """Take the entries from what the caller may ask for, as if they came one by one; raises TooMany (rate-limited)."""
    if isinstance(entries, list) and len(entries) > 1:
        call.services.rates.charge(call.actor, call.now, len(entries) - 1)
