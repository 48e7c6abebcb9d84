"""Telling that a glass is broken: once for each access token, in one commit with its lines in the record, or no data."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.break_glass import break_glass
from fhir_server.errors import FhirError, Forbidden, NoDatabase
from fhir_server.interactions.call import Call
from fhir_server.interactions.followers import follow
from fhir_server.interactions.record_events import named
from fhir_server.interactions.recorded import line
from fhir_server.interactions.represented import representatives
from fhir_server.interactions.touched import Touched
from fhir_server.interactions.write import Write, change, checked, written
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network.break_glass import Breaking, id_of, notice, review
from fhir_server.search.values import span
from fhir_server.storage.integrity import Dangling
from fhir_server.storage.repository import OutOfGrant, Stored, VersionConflict

_log = logging.getLogger("fhir_server")
_MINUTE: Final = 60_000_000


async def known_client(call: Call) -> str:
    """Return the client ("Patient/id") for whom the token was used in an emergency before, "" for nobody yet.

    Raises Forbidden (btg-over) when the time that an emergency lasts is over since.
    """
    stored = await _notice(call)
    if stored is None:
        return ""
    told = {} if stored.deleted else _content(stored)
    if not told or call.now >= span(told["sent"]).high + break_glass().minutes * _MINUTE:
        raise Forbidden("The time of this emergency access is over. Get a new access token, with its reason.", detail="btg-over")
    return str(told["subject"]["reference"])


async def tell(call: Call, patient: str) -> None:
    """Tell the client and the privacy officer, unless that was done for this token; return when it is durable.

    Raises Forbidden (btg-one-patient) when the token was used for another client meanwhile, NoDatabase when it cannot be done.
    """
    known = await known_client(call)
    if not known:
        try:
            await _commit(call, await _breaking(call, patient))
        except VersionConflict:  # another request with this token was first
            known = await known_client(call)
        except (Dangling, OutOfGrant, FhirError) as error:
            _log.error("emergency access is not told", extra={"request": call.request, "error": type(error).__name__})
            raise NoDatabase("The client cannot be told, and so nothing is shown.", detail="btg-not-told") from error
    if known not in {"", patient}:
        raise another_patient()


def another_patient() -> Forbidden:
    """Return the error for a request about another client than the token was used for."""
    text = "Emergency access is for one patient. For another one you need another access token, with its own reason."
    return Forbidden(text, detail="btg-one-patient")


async def _notice(call: Call) -> Stored | None:
    id_ = id_of(call.actor.reference, call.actor.token)
    grant = call.services.gate.locating("Communication")
    return await call.services.repository.read(grant, "Communication", id_)


async def _commit(call: Call, breaking: Breaking) -> None:
    services, settings = call.services, break_glass()
    told = await representatives(call, breaking.patient)
    resources = [notice(breaking, told, settings), review(breaking, await _officer(call), settings)]
    calls = [_creating(call, each) for each in resources]
    writes = [_write(each) for each in calls]
    changes = [each.change for each in writes if each.change is not None]
    lines = [line(each, made.answer, [breaking.patient]) for each, made in zip(calls, writes, strict=True)]
    grants = [services.gate.obliged(each.type, breaking.patient) for each in calls]
    await services.repository.commit(grants, changes, lines)
    await follow(services, changes)


def _creating(call: Call, resource: dict[str, Any]) -> Call:
    entry = call.services.catalog.types[resource["resourceType"]]
    touched = Touched(basis={"btg": None})
    more = {"id": resource["id"], "body": write(resource), "touched": touched, "parameters": (), "within": ""}
    return replace(call, interaction="create", entry=entry, **more)


def _write(call: Call) -> Write:
    made = change(call, checked(call), call.id, None)
    return Write(made, written(call, made, 201))


async def _breaking(call: Call, patient: str) -> Breaking:
    actor = call.actor
    organisation = actor.organisation or next(iter(actor.organisations), "")
    people = [actor.reference, *(each for each in actor.people if each.startswith("Practitioner/"))]
    names = [named(each).name for each in await _resources(call, people)]
    where = [named(each).name for each in await _resources(call, [organisation] if organisation else [])]
    return Breaking(
        id=id_of(actor.reference, actor.token),
        patient=patient,
        by=actor.reference,
        who=next(filter(None, names), ""),
        organisation=organisation if where else "",
        where=next(iter(where), ""),
        at=call.now,
    )


async def _officer(call: Call) -> str:
    officer = call.services.privacy_officer
    if officer and not await _resources(call, [officer]):
        _log.warning("the privacy officer of the settings is not here", extra={"reference": officer})
        return ""
    return officer


async def _resources(call: Call, references: Iterable[str]) -> list[dict[str, Any]]:
    wanted = list(dict.fromkeys(references))
    grants = [call.services.gate.naming(each) for each in dict.fromkeys(each.partition("/")[0] for each in wanted)]
    return [_content(each) for each in await call.services.repository.fetch(grants, wanted)] if wanted else []


def _content(stored: Stored) -> dict[str, Any]:
    return read(stored.body, OWN).resource
