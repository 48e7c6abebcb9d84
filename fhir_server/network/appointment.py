"""Who may make, answer, move and call off an appointment of the network (https://hl7.org/fhir/R4/appointment.html).

Everybody answers for themselves. All else is for who organises it, and for the client.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.network.audience import PEOPLE
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.conversation import own_meta
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal

ORGANIZER: Final = f"{CANONICAL}/StructureDefinition/appointment-organizer"
"""The extension that names (valueReference) who of the participants organises an appointment; without it each professional or
related person among them does."""
OVER: Final = frozenset({"fulfilled", "cancelled", "noshow", "entered-in-error"})
"""The statuses in which nobody is asked for an answer any more."""
_OPEN_ANSWER = "needs-action"
_REFUSED = "declined"
_TIMES = ("start", "end", "minutesDuration", "requestedPeriod")
_PLACE: Final = "Appointment.participant"

Resource = Mapping[str, Any]


def check(appointment: Resource, before: Resource | None, people: Collection[str], base: str = "") -> None:
    """Refuse what the caller, whose references are ``people`` ("Type/id"), may not make of ``before`` (None: there is none yet).

    Who represents the client has the client among ``people``. Raises Unprocessable (appointment-client, appointment-organizer,
    appointment-answer-outdated) or Forbidden (appointment-not-in-it, appointment-not-organizer, appointment-answer-of-another).
    """
    _require_client(appointment, before, base)
    if not any(each in people for each in actors(before or appointment, base)):
        raise Forbidden("You do not take part in this appointment.", expression=_PLACE, detail="appointment-not-in-it")
    if before is not None and not _manages(before, people, base):
        if _but_own_answers(appointment, people, base) != _but_own_answers(before, people, base):
            told = "Only who organises an appointment, or its client, changes more of it than the own answer."
            raise Forbidden(told, expression="Appointment", detail="appointment-not-organizer")
        return
    _require_organizer(appointment, before, people, base)
    _require_own_answers(appointment, before, people, base)


def actors(appointment: Resource, base: str = "") -> dict[str, str]:
    """Return who and what takes part ("Type/id"), each with the status of the answer."""
    found = ((literal(mapped(each, "actor"), base), text(each, "status")) for each in listed(appointment, "participant"))
    return {who: status for who, status in found if who}


def people_in(appointment: Resource, base: str = "") -> dict[str, str]:
    """Return the people among the actors, each with the status of the answer."""
    return {who: status for who, status in actors(appointment, base).items() if who.partition("/")[0] in PEOPLE}


def client_of(appointment: Resource, base: str = "") -> str:
    """Return the client ("Patient/id") whose appointment it is, "" for none or several."""
    found = [each for each in actors(appointment, base) if each.startswith("Patient/")]
    return found[0] if len(found) == 1 else ""


def organizer_of(appointment: Resource, base: str = "") -> str:
    """Return who is named as the one who organises it, "" for nobody."""
    named = (mapped(each, "valueReference") for each in listed(appointment, "extension") if each.get("url") == ORGANIZER)
    return next((literal(each, base) for each in named), "")


def _require_client(appointment: Resource, before: Resource | None, base: str) -> None:
    client = client_of(appointment, base)
    if not client or (before is not None and client != client_of(before, base)):
        told = "One of the participants is the client, and stays so: an appointment belongs to one client's dossier."
        raise Unprocessable(told, expression=_PLACE, detail="appointment-client")


def _manages(appointment: Resource, people: Collection[str], base: str) -> bool:
    own = [each for each in actors(appointment, base) if each in people]
    named = organizer_of(appointment, base)
    if any(each == client_of(appointment, base) for each in own) or named in own:
        return True
    return not named and bool(own)


def _require_organizer(appointment: Resource, before: Resource | None, people: Collection[str], base: str) -> None:
    named = organizer_of(appointment, base)
    if not named or (before is not None and named == organizer_of(before, base)):
        return
    if named not in people_in(appointment, base) or (before is None and named not in people):
        told = "Who makes an appointment organises it, and may pass that on to another participant later."
        raise Unprocessable(told, expression="Appointment.extension", detail="appointment-organizer")


def _require_own_answers(appointment: Resource, before: Resource | None, people: Collection[str], base: str) -> None:
    known = people_in(before, base) if before is not None else {}
    moved = before is not None and any(appointment.get(name) != before.get(name) for name in _TIMES)
    for number, who, status in _answers(appointment, base):
        if who in people or status == _OPEN_ANSWER:
            continue
        place = f"{_PLACE}[{number}].status"
        if known.get(who) != status:
            told = "Somebody answers an appointment themselves. Set the status of others to needs-action, or leave it as it is."
            raise Forbidden(told, expression=place, detail="appointment-answer-of-another")
        if moved and status != _REFUSED:
            told = "This answer was to another time. Set it to needs-action, so that it is asked again."
            raise Unprocessable(told, expression=place, detail="appointment-answer-outdated")


def _answers(appointment: Resource, base: str) -> Iterator[tuple[int, str, str]]:
    """Yield place, person and status of each answer of a person."""
    for number, each in enumerate(listed(appointment, "participant")):
        who = literal(mapped(each, "actor"), base)
        if who.partition("/")[0] in PEOPLE:
            yield number, who, text(each, "status")


def _but_own_answers(appointment: Resource, people: Collection[str], base: str) -> dict[str, Any]:
    rest = {name: value for name, value in appointment.items() if name not in {"meta", "participant"}}
    rest["meta"] = own_meta(appointment)
    return rest | {"participant": [_but_own_answer(each, people, base) for each in listed(appointment, "participant")]}


def _but_own_answer(each: Resource, people: Collection[str], base: str) -> dict[str, Any]:
    own = literal(mapped(each, "actor"), base) in people
    return {name: value for name, value in each.items() if not (own and name == "status")}
