"""The reads of a transaction, tried before anything is written: one that fails refuses the whole.

https://hl7.org/fhir/R4/http.html#transaction: "if any of the entries fail, the whole transaction fails". A search that finds
nothing, and a read of what has not changed (304), are no failures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fhir_server.errors import Gone
from fhir_server.interactions.bundle_entries import placed
from fhir_server.interactions.bundle_identities import Step
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.read import DELETED
from fhir_server.interactions.touched import Touched

Known = Mapping[int, tuple[Call, Answer]]
"""Requests with their answers, by the number of the entry."""


async def tried(reads: Sequence[Step], writes: Sequence[Step]) -> Known:
    """Return the answers that no write of the same transaction can change, with their requests.

    Each read is carried out on what is stored before the writes. Of what the transaction writes itself it is known that it will be
    there, or that it will be gone. Raises what a read is refused with, and where.
    """
    written = {each.target: each.call.interaction for each in writes if each.target}
    found: dict[int, tuple[Call, Answer]] = {}
    for each in reads:
        with placed(each.item):
            if each.target in written:
                _require_readable(each.call, written[each.target])
                continue
            call = replace(each.call, touched=Touched(), warnings=[])
            answer = await HANDLERS[call.interaction](call)
        if not writes or _is_elsewhere(call, written):
            found[each.item.index] = call, answer
    return found


def _require_readable(call: Call, write: str) -> None:
    call.services.gate.grant(call.actor, call.interaction, call.type)
    if write == "delete" and call.interaction == "read":
        raise Gone(DELETED)


def _is_elsewhere(call: Call, written: Mapping[str, str]) -> bool:
    """Tell whether a request is about what the sources hold, and of the type nothing is written: they are not asked twice."""
    return call.entry.home in {"federated", "both"} and not any(target.startswith(f"{call.type}/") for target in written)
