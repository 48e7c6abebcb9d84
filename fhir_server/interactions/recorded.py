"""The line of the record for a request that came to an end: with the names of the dossiers that it touched."""

from collections.abc import Iterable, Sequence

from fhir_server.audit.record import row
from fhir_server.interactions.basis import note_basis
from fhir_server.interactions.call import Answer, Call
from fhir_server.storage.repository import AuditRow, Stored


async def recorded(call: Call, answer: Answer) -> AuditRow:
    """Return the line of the record for ``call``, which ended with ``answer``."""
    dossiers = call.services.dossier_names
    names = {answer.dossier: None, **call.touched.asked}
    if call.actor.is_client:
        names[call.actor.reference] = None  # whatever clients ask, it is in their own dossier too
    found: dict[str, Sequence[Stored]] = {}
    for key, some in call.touched.keys.items():
        found[dossiers.known.get(key) or await dossiers.of(some[0])] = some
    names.update(dict.fromkeys(found))
    for each in (names, found):
        each.pop("", None)
    await note_basis(call, answer, found, alone=len(names) - (call.actor.reference in names) == 1)
    return line(call, answer, names)


def line(call: Call, answer: Answer, dossiers: Iterable[str] = ()) -> AuditRow:
    """Return the line for ``call`` and its answer, which touched ``dossiers``, by default the one that the answer names."""
    sources = call.touched.sources
    dossier = " ".join(dossiers) or answer.dossier
    return row(
        call.actor,
        call.interaction,
        answer.status,
        call.now,
        call.request,
        type_=call.type,
        id_=answer.id or call.id,
        version=answer.version,
        dossier=dossier,
        parameters=call.parameters,
        origin=call.origin,
        basis=answer.refusal or " ".join(call.touched.basis),
        category=call.entry.category,
        source=" ".join(sources),
        detail=answer.detail or " ".join(f"{name}={outcome}" for name, outcome in sources.items()),
        reason=call.actor.reason if dossier and " " not in dossier else "",  # sealed with the key of the one dossier
    )
