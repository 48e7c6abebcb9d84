"""What happens around one client: the team, consents, threads with their messages, and tasks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from benchmarks.network.numbers import id_of, identifier, ura
from benchmarks.network.people import Json, carer, client, employer, random_of, reference, role, words
from benchmarks.network.scale import END, Scale, date, first_day, instant, working_moment

_OWN = "https://netwerkdossier.example/fhir"
_THREADS, _SPREAD = 7.5, 0.8  # median number of threads of a client, and how unequal clients are
_DAYS_BETWEEN_MESSAGES = 1.5


@dataclass(frozen=True, slots=True)
class _Member:
    reference: Json
    role: Json
    organization: Json | None = None


@dataclass(frozen=True, slots=True)
class _Dossier:
    scale: Scale
    number: int
    pick: Random
    start: datetime
    patient: Json
    team: Json
    members: tuple[_Member, ...]  # the first ones write

    def id(self, kind: str, *numbers: int) -> str:
        return id_of(f"{kind}-{self.number}", sum(each << 20 * place for place, each in enumerate(numbers)), self.scale.seed)


def dossier(scale: Scale, number: int) -> Iterator[Json]:
    """Yield the client, the carers, and everything that is about the client, each after what it refers to."""
    pick = random_of(scale, "dossier", number)
    patient = reference(scale, "Patient", number)
    yield client(scale, number)
    for each in scale.carers(number):
        yield carer(scale, each, patient)
    team = {"reference": f"CareTeam/{id_of('CareTeam', number, scale.seed)}", "type": "CareTeam"}
    about = _Dossier(scale, number, pick, first_day(pick), patient, team, _members(scale, number, pick, patient))
    yield _care_team(about)
    yield from _consents(about)
    for thread in range(max(1, round(pick.lognormvariate(0, _SPREAD) * _THREADS))):
        yield from _thread(about, thread)


def _members(scale: Scale, number: int, pick: Random, patient: Json) -> tuple[_Member, ...]:
    found = [_professional(scale, pick.randrange(scale.professionals)) for _ in range(pick.randrange(3, 8))]
    found = list({each.reference["reference"]: each for each in found}.values())
    found += [_Member(reference(scale, "RelatedPerson", each), {"text": "mantelzorger"}) for each in scale.carers(number)]
    return (*found, _Member(patient, {"text": "client"}))


def _professional(scale: Scale, number: int) -> _Member:
    profession = words()["profession"][number % len(words()["profession"])]
    return _Member(
        reference(scale, "Practitioner", number), role(profession), reference(scale, "Organization", employer(scale, number))
    )


def _care_team(about: _Dossier) -> Json:
    period = {"start": date(about.start)}
    participants = [
        {"role": [each.role], "member": each.reference, "period": period}
        | ({"onBehalfOf": each.organization} if each.organization else {})
        for each in about.members
    ]
    return {
        "resourceType": "CareTeam",
        "id": about.team["reference"].partition("/")[2],
        "status": "active",
        "name": f"Netwerk van {about.patient['display']}",
        "subject": about.patient,
        "period": period,
        "participant": participants,
    }


def _consents(about: _Dossier) -> Iterator[Json]:
    for number in range(about.pick.choice((1, 1, 1, 2, 3))):
        moment = about.start + timedelta(days=number * 90 + 1)
        chosen = about.pick.randrange(about.scale.organizations)
        organization = reference(about.scale, "Organization", chosen) | {"identifier": identifier("ura", ura(chosen))}
        actor = {"role": _coded("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"), "reference": about.team}
        system = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
        purposes = [{"system": system, "code": code} for code in ("TREAT", "CAREMGT", "PATRQT", "FAMRQT")]
        yield {
            "resourceType": "Consent",
            "id": about.id("Consent", number),
            "identifier": [{"system": f"{_OWN}/NamingSystem/consent", "value": about.id("Consent", number)}],
            "status": "active",
            "scope": _coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [_coded("http://loinc.org", "59284-0"), _coded(f"{_OWN}/CodeSystem/consent-category", "network-dossier")],
            "patient": about.patient,
            "dateTime": instant(moment),
            "performer": [about.patient],
            "organization": [{"identifier": {"system": f"{_OWN}/NamingSystem/holder", "value": "hub"}}, organization],
            "policy": [{"uri": f"{_OWN}/policy/network-dossier/1"}],
            "provision": {"type": "permit", "period": {"start": date(moment)}, "actor": [actor], "purpose": purposes},
        }


def _thread(about: _Dossier, thread: int) -> Iterator[Json]:
    pick = about.pick
    moment = working_moment(pick, about.start + (END - about.start) * pick.random() ** 0.8)
    topic = pick.choice(words()["topic"])
    asked = {"reference": f"CommunicationRequest/{about.id('CommunicationRequest', thread)}", "type": "CommunicationRequest"}
    yield {
        "resourceType": "CommunicationRequest",
        "id": about.id("CommunicationRequest", thread),
        "status": "active" if END - moment < timedelta(days=30) else "completed",
        "category": [{"text": topic}],
        "priority": pick.choice(("routine", "routine", "routine", "urgent")),
        "subject": about.patient,
        "payload": [{"contentString": f"{topic}: {text(pick)}"}],
        "authoredOn": instant(moment),
        "requester": pick.choice(about.members).reference,
        "recipient": [about.team],
    }
    for number in range(1 + int(pick.expovariate(1 / 5.2))):
        moment = working_moment(pick, moment + timedelta(days=pick.expovariate(1 / _DAYS_BETWEEN_MESSAGES)))
        yield _message(about, thread, number, moment, asked)
        if pick.random() < 0.22:
            yield _task(about, thread, number, moment, asked)


def _message(about: _Dossier, thread: int, number: int, moment: datetime, asked: Json) -> Json:
    pick = about.pick
    sender = pick.choice(about.members)
    found = {
        "resourceType": "Communication",
        "id": about.id("Communication", thread, number),
        "partOf": [asked],
        "status": "in-progress" if END - moment < timedelta(days=3) else "completed",
        "category": [_coded("http://terminology.hl7.org/CodeSystem/communication-category", pick.choice(_CATEGORIES))],
        "subject": about.patient,
        "sent": instant(moment),
        "recipient": [about.team],
        "sender": sender.reference,
        "payload": [{"contentString": text(pick)}],
    }
    if number:
        earlier = about.id("Communication", thread, number - 1)
        found["inResponseTo"] = [{"reference": f"Communication/{earlier}", "type": "Communication"}]
    return found


_CATEGORIES = ("notification", "notification", "notification", "instruction", "reminder", "alert")


def _task(about: _Dossier, thread: int, number: int, moment: datetime, asked: Json) -> Json:
    pick = about.pick
    focus = {"reference": f"Communication/{about.id('Communication', thread, number)}", "type": "Communication"}
    until = moment + timedelta(days=pick.randrange(1, 15))
    return {
        "resourceType": "Task",
        "id": about.id("Task", thread, number),
        "basedOn": [asked],
        "status": "completed" if until < END else pick.choice(("requested", "accepted", "in-progress")),
        "intent": "order",
        "priority": pick.choice(("routine", "routine", "urgent", "asap")),
        "description": f"{pick.choice(words()['task'])}. {text(pick, 1)}",
        "focus": focus,
        "for": about.patient,
        "executionPeriod": {"start": instant(moment), "end": instant(until)},
        "authoredOn": instant(moment),
        "lastModified": instant(min(until, END)),
        "requester": pick.choice(about.members).reference,
        "owner": pick.choice(about.members).reference,
    }


def text(pick: Random, sentences: int = 0) -> str:
    """Return a message of ``sentences`` observations, or of some number of them."""
    lists = words()
    parts = [pick.choice(lists["opening"])]
    count = sentences or 1 + min(int(pick.expovariate(1 / 2.6)), 11)
    parts += [f"{pick.choice(lists['seen'])}, {pick.choice(lists['detail'])}. {pick.choice(lists['follow'])}" for _ in range(count)]
    numbers = {
        "n": pick.randrange(100, 190),
        "m": pick.randrange(50, 110),
        "d": pick.randrange(2, 10),
        "s": pick.randrange(88, 100),
    }
    return " ".join(parts).format(day=pick.choice(lists["day"]), **numbers)


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
