"""Train a dictionary for ``body.py``: ``python -m fhir_server.storage.dictionary NUMBER`` writes ``dictionaries/NUMBER.dict``.

The samples are invented resources in this server's own style, from a seeded generator, so that the file can be made again.
Numbers only go up; a dictionary that any database may have used stays.
"""

import random
import sys
from collections.abc import Callable
from typing import Any

import orjson
from zstandard import train_dictionary

from fhir_server.storage.body import FOLDER, LEVEL

Json = dict[str, Any]
Sample = bytes | bytearray | memoryview  # what train_dictionary takes
_SIZE = 48 * 1024
_GIVEN = [
    "Anna",
    "Bram",
    "Chris",
    "Dirk",
    "Els",
    "Femke",
    "Gijs",
    "Hanna",
    "Ineke",
    "Joris",
    "Koen",
    "Lotte",
    "Mees",
    "Noor",
    "Otto",
    "Puck",
    "Ruben",
    "Saar",
    "Teun",
    "Ymke",
]
_FAMILY = [
    "Akkerman",
    "Bosveld",
    "Dijkgraaf",
    "Elzinga",
    "Fabrie",
    "Groeneweg",
    "Hoekema",
    "Ibema",
    "Jorissen",
    "Kalkman",
    "Lindhout",
    "Molendijk",
    "Nauta",
]
_SUBJECTS = [
    "de bloedsuiker",
    "de pillen",
    "het ontbijt",
    "de taxi",
    "de was",
    "het spreekuur",
    "de voet",
    "de nachtrust",
    "het humeur",
    "het wandelen",
    "de drempel",
    "de winkel",
    "het zwachtelen",
    "de logopedie",
]
_SENTENCES = [
    "Vandaag gekeken naar {}, dat gaat goed.",
    "Is er iemand die weet wanneer {} aan de beurt is?",
    "Met mevrouw gesproken over {}.",
    "Met meneer afgesproken dat wij {} overnemen.",
    "Graag overleg over {} voor het einde van de week.",
    "De wijkverpleegkundige heeft {} nagekeken en de huisarts gebeld.",
    "Er zijn nog vragen van de familie over {}.",
]
_SNOMED, _LOINC = "http://snomed.info/sct", "http://loinc.org"
_NL = "http://fhir.nl/fhir/NamingSystem/"
_PROFILES = ("http://nictiz.nl/fhir/StructureDefinition/nl-core-", "http://fhir.nl/fhir/StructureDefinition/nl-core-")


def _id(pick: random.Random) -> str:
    text = f"{pick.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _instant(pick: random.Random) -> str:
    day = f"20{pick.randint(20, 29)}-{pick.randint(1, 12):02}-{pick.randint(1, 28):02}"
    return f"{day}T{pick.randint(0, 23):02}:{pick.randint(0, 59):02}:{pick.randint(0, 59):02}.{pick.randint(0, 999):03}Z"


def _local(pick: random.Random) -> str:
    return f"{_instant(pick)[:19]}+0{pick.randint(1, 2)}:00"


def _reference(pick: random.Random, type_: str) -> Json:
    return {"reference": f"{type_}/{_id(pick)}", "type": type_, "display": _name(pick)}


def _name(pick: random.Random) -> str:
    return f"{pick.choice(_GIVEN)} {pick.choice(_FAMILY)}"


def _human(pick: random.Random) -> list[Json]:
    given, family = _name(pick).split()
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
    place = {"city": pick.choice(["Utrecht", "Zwolle", "Breda", "Assen"]), "postalCode": f"{pick.randint(1000, 9999)} AB"}
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
    return state | about | topic | ends | {"payload": [{"contentString": _sentence(pick)}, {"contentAttachment": file}]}


def _communication_request(pick: random.Random) -> Json:
    ends = {
        "requester": _reference(pick, "RelatedPerson"),
        "recipient": [_reference(pick, "CareTeam")],
        "authoredOn": _local(pick),
    }
    return (
        {"status": "active", "intent": "order", "subject": _reference(pick, "Patient")}
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
    return state | {"description": _sentence(pick)} | people | times | {"focus": _reference(pick, "Communication"), "input": [text]}


def _consent(pick: random.Random) -> Json:
    purpose = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT", "display": "treatment"}]
    actor = [
        {
            "role": _concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", ""),
            "reference": _reference(pick, "Organization"),
        }
    ]
    kind = {"scope": _concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy", "Privacy Consent")}
    who = {
        "status": "active",
        "category": [_concept(_LOINC, "59284-0", "Consent Document")],
        "patient": _reference(pick, "Patient"),
    }
    rule = {"type": pick.choice(["permit", "deny"]), "period": {"start": _local(pick)}, "actor": actor, "purpose": purpose}
    return kind | who | {"dateTime": _local(pick), "performer": [_reference(pick, "Patient")], "provision": rule}


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


def samples(count: int, seed: int = 1) -> list[Sample]:
    """Return ``count`` invented resources as JSON, all types in turn."""
    pick = random.Random(seed)  # noqa: S311 - samples, not secrets
    types = list(_MAKERS)
    made: list[Sample] = []
    for number in range(count):
        type_ = types[number % len(types)]
        meta = {
            "versionId": str(pick.randint(1, 9)),
            "lastUpdated": _instant(pick),
            "profile": [pick.choice(_PROFILES) + type_],
        }
        made.append(orjson.dumps({"resourceType": type_, "id": _id(pick), "meta": meta} | _MAKERS[type_](pick)))
    return made


def train(number: int) -> bytes:
    """Return a dictionary with id ``number``."""
    return train_dictionary(_SIZE, samples(12_000), dict_id=number, level=LEVEL).as_bytes()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{int(sys.argv[1])}.dict").write_bytes(train(int(sys.argv[1])))
