"""Train a dictionary for ``body.py``: ``python -m fhir_server.storage.dictionary NUMBER`` writes ``dictionaries/NUMBER.dict``.

The samples are invented resources in this server's own style, from a seeded generator, so that the file can be made again.
Numbers only go up; a dictionary that any database may have used stays.
"""

import random
import sys
import tomllib
from collections.abc import Callable
from typing import Any

import orjson
from zstandard import train_dictionary

from fhir_server.storage.body import FOLDER, LEVEL, taken_out
from profiles.definitions import type_definition

Json = dict[str, Any]
Sample = bytes | bytearray | memoryview  # what train_dictionary takes
_SIZE = 64 * 1024
_WORDS: dict[str, list[str]] = tomllib.loads((FOLDER / "words.toml").read_text("utf-8"))
_GIVEN, _FAMILY, _PLACES, _SUBJECTS, _SENTENCES = (_WORDS[name] for name in ("given", "family", "places", "subjects", "sentences"))
_SNOMED, _LOINC = "http://snomed.info/sct", "http://loinc.org"
_NL = "http://fhir.nl/fhir/NamingSystem/"
_PROFILES = (
    "http://nictiz.nl/fhir/StructureDefinition/nl-core-",
    "http://fhir.nl/fhir/StructureDefinition/nl-core-",
    "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZO",
    "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZO",
    "",
)
_OURS = "https://netwerkdossier.example/fhir/"
_KEPT, _BARE = 0.85, 0.6  # of the elements, and of the resources


def _id(pick: random.Random) -> str:
    text = f"{pick.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _instant(pick: random.Random) -> str:
    day = f"20{pick.randint(20, 29)}-{pick.randint(1, 12):02}-{pick.randint(1, 28):02}"
    return f"{day}T{pick.randint(0, 23):02}:{pick.randint(0, 59):02}:{pick.randint(0, 59):02}.{pick.randint(0, 999):03}Z"


def _local(pick: random.Random) -> str:
    return f"{_instant(pick)[:19]}+0{pick.randint(1, 2)}:00"


_PEOPLE = frozenset({"Patient", "Practitioner", "RelatedPerson", "PractitionerRole"})


def _reference(pick: random.Random, type_: str) -> Json:
    found = {"reference": f"{type_}/{_id(pick)}", "type": type_}
    return found | {"display": _name(pick)} if type_ in _PEOPLE else found


def _name(pick: random.Random) -> str:
    return f"{pick.choice(_GIVEN)} {pick.choice(_FAMILY)}"


def _human(pick: random.Random) -> list[Json]:
    given, family = pick.choice(_GIVEN), pick.choice(_FAMILY)
    return [{"use": "official", "text": f"{given} {family}", "family": family, "given": [given], "prefix": ["Mw."]}]


def _telecom(pick: random.Random) -> list[Json]:
    phone = {"system": "phone", "value": f"+316{pick.randint(10**7, 10**8 - 1)}", "use": "mobile"}
    return [phone, {"system": "email", "value": f"{pick.choice(_GIVEN).lower()}@mail.example", "use": "home"}]


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _identifier(pick: random.Random, system: str) -> list[Json]:
    return [{"use": "official", "system": _NL + system, "value": f"{pick.randint(10**8, 10**9 - 1)}"}]


def _sentence(pick: random.Random) -> str:
    return " ".join(pick.choice(_SENTENCES).format(pick.choice(_SUBJECTS)) for _ in range(pick.randint(1, 4)))


def _patient(pick: random.Random) -> Json:
    street = {"use": "home", "type": "both", "line": [f"{pick.choice(_FAMILY)}straat {pick.randint(1, 300)}"], "country": "NL"}
    place = {"city": pick.choice(_PLACES), "postalCode": f"{pick.randint(1000, 9999)} AB"}
    person = {"identifier": _identifier(pick, "bsn"), "active": True, "name": _human(pick), "telecom": _telecom(pick)}
    more = {"gender": pick.choice(["male", "female", "other", "unknown"]), "birthDate": f"19{pick.randint(20, 99)}-03-14"}
    return person | more | {"address": [street | place], "managingOrganization": _reference(pick, "Organization")}


def _related_person(pick: random.Random) -> Json:
    role = _concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "DAUC", "daughter")
    person = {"identifier": _identifier(pick, "person"), "active": True, "patient": _reference(pick, "Patient")}
    return person | {"relationship": [role], "name": _human(pick), "telecom": _telecom(pick), "period": {"start": _instant(pick)}}


def _practitioner(pick: random.Random) -> Json:
    return {"identifier": _identifier(pick, "uzi-nr-pers"), "active": True, "name": _human(pick), "telecom": _telecom(pick)}


def _practitioner_role(pick: random.Random) -> Json:
    who = {"practitioner": _reference(pick, "Practitioner"), "organization": _reference(pick, "Organization")}
    return (
        {"active": True, "period": {"start": _instant(pick)}} | who | {"code": [_concept(_SNOMED, "224535009", "Registered nurse")]}
    )


def _organization(pick: random.Random) -> Json:
    kind = _concept("http://nictiz.nl/fhir/NamingSystem/organization-type", "Z3", "General practice")
    return {"identifier": _identifier(pick, "ura"), "active": True, "type": [kind], "name": f"Practice {pick.choice(_FAMILY)}"}


def _care_team(pick: random.Random) -> Json:
    def participant(type_: str) -> Json:
        role = [_concept(_SNOMED, "407542009", "Informal caregiver")]
        on_behalf = {"onBehalfOf": _reference(pick, "Organization"), "period": {"start": _local(pick), "end": _local(pick)}}
        return {"role": role, "member": _reference(pick, type_)} | on_behalf

    people = [participant(type_) for type_ in ("Patient", "RelatedPerson", "Practitioner", "PractitionerRole")]
    subject = {"status": "active", "name": f"Network of {_name(pick)}", "subject": _reference(pick, "Patient")}
    return subject | {
        "period": {"start": _local(pick)},
        "participant": people,
        "managingOrganization": [_reference(pick, "Organization")],
    }


def _communication(pick: random.Random) -> Json:
    state = {"status": pick.choice(["completed", "in-progress", "entered-in-error"]), "priority": "routine"}
    thread = {"reference": f"CommunicationRequest/{_id(pick)}", "type": "CommunicationRequest"}
    before = {"reference": f"Communication/{_id(pick)}", "type": "Communication"}
    about = {"partOf": [thread], "subject": _reference(pick, "Patient"), "inResponseTo": [before]}
    topic = {"category": [_concept("http://terminology.hl7.org/CodeSystem/communication-category", "notification", "Notification")]}
    ends = {"sender": _reference(pick, "Practitioner"), "recipient": [_reference(pick, "CareTeam")], "sent": _local(pick)}
    file = {"contentType": "application/pdf", "url": f"Binary/{_id(pick)}", "title": "letter.pdf", "creation": _local(pick)}
    files = [{"contentAttachment": file}] if pick.random() < _KEPT / 4 else []
    return state | about | topic | ends | {"payload": [{"contentString": _sentence(pick)}, *files]}


def _communication_request(pick: random.Random) -> Json:
    ends = {
        "requester": _reference(pick, "RelatedPerson"),
        "recipient": [_reference(pick, "CareTeam")],
        "authoredOn": _local(pick),
    }
    return (
        {
            "status": pick.choice(["active", "completed"]),
            "intent": "order",
            "priority": "routine",
            "subject": _reference(pick, "Patient"),
        }
        | ends
        | {"payload": [{"contentString": _sentence(pick)}]}
    )


def _task(pick: random.Random) -> Json:
    state = {"status": pick.choice(["requested", "accepted", "in-progress", "completed"]), "intent": "order", "priority": "routine"}
    people = {
        "for": _reference(pick, "Patient"),
        "requester": _reference(pick, "Practitioner"),
        "owner": _reference(pick, "RelatedPerson"),
    }
    times = {
        "authoredOn": _local(pick),
        "lastModified": _local(pick),
        "executionPeriod": {"start": _local(pick), "end": _local(pick)},
    }
    text = {"valueString": _sentence(pick), "type": _concept(_LOINC, "48767-8", "Annotation comment")}
    return (
        state
        | {"description": _sentence(pick)}
        | people
        | times
        | {"focus": _reference(pick, "Communication")}
        | {
            "basedOn": [_reference(pick, "CommunicationRequest")],
            "input": [text],
        }
    )


def _consent(pick: random.Random) -> Json:
    reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    purpose = [{"system": reason, "code": code, "display": shown} for code, shown in (("TREAT", "treatment"), ("CAREMGT", "care"))]
    role = _concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")
    actor = [{"role": role, "reference": _reference(pick, type_)} for type_ in ("CareTeam", "Organization", "Practitioner")]
    kind = {"scope": _concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy", "Privacy Consent")}
    holder = {"identifier": {"system": f"{_OURS}NamingSystem/holder", "value": "hub"}}
    ura = {"identifier": {"use": "official", "system": f"{_NL}ura", "value": f"{pick.randint(10**7, 10**8 - 1)}"}}
    dossier = _concept(f"{_OURS}CodeSystem/consent-category", "network-dossier", "Network dossier")
    who = {
        "identifier": [{"system": f"{_OURS}NamingSystem/consent", "value": _id(pick)}],
        "status": pick.choice(["active", "inactive"]),
        "category": [_concept(_LOINC, "59284-0", "Consent Document"), dossier],
        "patient": _reference(pick, "Patient"),
        "organization": [holder, _reference(pick, "Organization") | {"display": f"Apotheek {pick.choice(_FAMILY)}"} | ura],
        "policy": [{"uri": f"{_OURS}policy/network-dossier/1"}],
    }
    action = [_concept("http://terminology.hl7.org/CodeSystem/consentaction", code, code) for code in ("access", "correct")]
    rule = {"type": pick.choice(["permit", "deny"]), "period": {"start": _local(pick)[:10]}, "actor": actor[: pick.randint(1, 3)]}
    data = {"action": action, "purpose": purpose, "dataPeriod": {"start": _local(pick)[:10]}}
    more = {"provision": [rule | {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Communication"}]}]}
    return kind | who | {"dateTime": _local(pick), "performer": [_reference(pick, "Patient")], "provision": rule | data | more}


def _appointment(pick: random.Random) -> Json:
    people = [
        {"actor": _reference(pick, type_), "required": "required", "status": "accepted"} for type_ in ("Patient", "Practitioner")
    ]
    return {
        "status": "booked",
        "description": _sentence(pick),
        "start": _local(pick),
        "end": _local(pick),
        "participant": people,
    }


def _observation(pick: random.Random) -> Json:
    amount = {"value": pick.randint(400, 1200) / 10, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    about = {"status": "final", "code": _concept(_LOINC, "29463-7", "Body weight"), "subject": _reference(pick, "Patient")}
    return about | {"effectiveDateTime": _local(pick), "performer": [_reference(pick, "Patient")], "valueQuantity": amount}


_MAKERS: dict[str, Callable[[random.Random], Json]] = {
    "Patient": _patient,
    "RelatedPerson": _related_person,
    "Practitioner": _practitioner,
    "PractitionerRole": _practitioner_role,
    "Organization": _organization,
    "CareTeam": _care_team,
    "Communication": _communication,
    "CommunicationRequest": _communication_request,
    "Task": _task,
    "Consent": _consent,
    "Appointment": _appointment,
    "Observation": _observation,
}


_OFTEN = ("Communication", "Communication", "CommunicationRequest", "Task", "Consent")
"""What there is most of, besides once of everything."""


def _in_order(resource: Json) -> Json:
    """Return the elements in the order in which R4 defines them, as most writers of JSON have them."""
    type_ = resource["resourceType"]
    names = [each.name.removesuffix("[x]") for each in type_definition(type_).elements[type_]]
    order = sorted(resource, key=lambda name: next(place for place, known in enumerate([*names, name]) if _is(name, known)))
    head = {name: resource[name] for name in ("resourceType", "id", "meta")}
    return head | {name: resource[name] for name in order}


def _is(name: str, known: str) -> bool:
    """Tell whether ``name`` is that of an element, or of one of the types of a choice."""
    return name == known or (name.startswith(known) and name[len(known) : len(known) + 1].isupper())


def _bare(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return ``value`` without what only people read of a concept."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    spoken = {"text"} if "coding" in value else {"display"} if "code" in value else set()
    return {name: _bare(each) for name, each in value.items() if name not in spoken}


def _some(pick: random.Random, resource: Json) -> Json:
    """Leave out some of the elements, as every sender does."""
    return {name: each for name, each in resource.items() if name in {"status", "subject", "for"} or pick.random() < _KEPT}


def samples(count: int, seed: int = 1) -> list[Sample]:
    """Return ``count`` invented resources as JSON, all types in turn."""
    pick = random.Random(seed)  # noqa: S311 - samples, not secrets
    types = [*_MAKERS, *_OFTEN]
    made: list[Sample] = []
    for number in range(count):
        type_ = types[number % len(types)]
        meta: Json = {"versionId": str(pick.randint(1, 9)), "lastUpdated": _instant(pick)}
        if profile := pick.choice(_PROFILES):
            meta["profile"] = [profile + type_]
        resource = _in_order({"resourceType": type_, "id": _id(pick), "meta": meta} | _some(pick, _MAKERS[type_](pick)))
        made.append(orjson.dumps(_bare(resource) if pick.random() < _BARE else resource))
    return made


def train(number: int) -> bytes:
    """Return a dictionary with id ``number``, of samples as they are compressed."""
    texts: list[Sample] = [taken_out(bytes(each))[0] for each in samples(16_000)]
    return train_dictionary(_SIZE, texts, dict_id=number, level=LEVEL).as_bytes()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{int(sys.argv[1])}.dict").write_bytes(train(int(sys.argv[1])))
