"""Break-glass carried out: about one client, for reading, and nothing before the client and the privacy officer were told."""

from dataclasses import replace

from fhir_server.access.break_glass import PURPOSE, break_glass, decide_in_emergency, may_break
from fhir_server.access.consent import newest, of_person
from fhir_server.access.emergency import opens, require_reading
from fhir_server.errors import BadRequest, Forbidden, NotFound
from fhir_server.interactions.call import Call
from fhir_server.interactions.emergency_client import from_sources, named_clients, refused
from fhir_server.interactions.emergency_notice import another_patient, known_client, tell
from fhir_server.interactions.sealed_patient import UNKNOWN
from fhir_server.interactions.source_consent import request_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read


async def admit(call: Call) -> None:
    """Let ``call`` through as it is, unless its purpose is an emergency: then bind it to the one client that it is about.

    Raises Forbidden: btg-read-only, btg-not-qualified, btg-token, btg-over, btg-one-patient, btg-refused; BadRequest:
    patient-needed; NotFound for a read from a source wherever the answer would say something of another client.
    """
    if call.actor.purpose != PURPOSE:
        return
    require_reading("search" if call.interaction == "search-type" else call.interaction)
    _require_qualified(call)
    known = await known_client(call)
    patient = _one(call, await named_clients(call, known), known)
    call.touched.ask(patient)
    call.actor = replace(call.actor, patient=patient)
    await _require_here(call, patient)
    if from_sources(call):
        return  # what is asked of each source is decided there, and told there
    if not opens(call.entry):
        raise Forbidden(f"An emergency opens no {call.type}.", detail="btg-type")
    call.services.gate.grant(call.actor, call.interaction, call.type)  # what the token does not cover is nothing to tell
    await _require_open(call, patient)
    await go_ahead(call, patient)


async def go_ahead(call: Call, patient: str) -> None:
    """Do what must be done before anything of ``patient`` is shown in an emergency; otherwise nothing."""
    if call.actor.purpose != PURPOSE:
        return
    await tell(call, patient)
    call.touched.basis["btg"] = None


def _require_qualified(call: Call) -> None:
    if not may_break(of_person(call.actor, "", call.entry.category_coding, call.now), call.actor.reason, break_glass()):
        text = "Emergency access is for professionals in a qualified function, who say why. It comes from PractitionerRole."
        raise Forbidden(text, detail="btg-not-qualified")
    if not call.actor.token:
        raise Forbidden("Emergency access needs an access token with an id (jti).", detail="btg-token")


def _one(call: Call, clients: set[str], known: str) -> str:
    """Return the one client that the request is about: of ``clients``, of the token, and ``known`` from its first use."""
    for each in clients:
        call.touched.ask(each)
    asked_for = clients | {each for each in (call.actor.patient, known if call.interaction == "read" else "") if each}
    if not asked_for:
        raise BadRequest("In an emergency, say about which one patient you ask, with patient=[id].", detail="patient-needed")
    if len(asked_for | {known or next(iter(asked_for))}) == 1:
        return asked_for.pop()
    raise NotFound(UNKNOWN) if call.interaction == "read" and from_sources(call) else another_patient()


async def _require_here(call: Call, patient: str) -> None:
    """Raise unless ``patient`` is a client here whose dossier is not closed."""
    grant = call.services.gate.locating("Patient")
    found = await call.services.repository.fetch([grant], [patient])
    if not found or read(found[0].body, OWN).resource.get("active") is False:
        raise refused(call)


async def _require_open(call: Call, patient: str) -> None:
    """Raise when ``patient`` refused this kind of data in advance."""
    rules = tuple(await call.services.repository.rules(patient))
    category = call.entry.category_coding
    request = replace(await request_of(call, patient, rules), category=category)
    # What has no category is closed by a refusal of everything only.
    about = tuple(rule for rule in newest(rules) if category or not rule.categories)
    if not decide_in_emergency(request, about, call.actor.reason).permit:
        raise refused(call)
