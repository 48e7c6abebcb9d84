"""Who there is: organisations, professionals, clients and carers."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.network.numbers import agb, bsn, id_of, identifier, ura, uzi
from benchmarks.network.scale import BEGIN, END, Scale, date

Json = dict[str, Any]
PROFILE = "http://fhir.nl/fhir/StructureDefinition/nl-core-"
_PERSON = "https://netwerkdossier.example/fhir/NamingSystem/person"


@cache
def words() -> Json:
    """Return the word lists."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def random_of(scale: Scale, kind: str, number: int) -> Random:
    """Return the source of chance of one thing, which nothing else draws from."""
    return Random(f"{scale.seed}/{kind}/{number}")


@lru_cache(maxsize=65536)
def name_of(kind: str, number: int, seed: int) -> tuple[str, str, str, str]:
    """Return gender, given name, prefix ("" for none) and family name of a person."""
    pick = Random(f"{seed}/name/{kind}/{number}")
    gender = pick.choice(("female", "female", "male"))
    return gender, pick.choice(words()[f"given_{gender}"]), pick.choice(words()["prefix"]), pick.choice(words()["family"])


def full_name(kind: str, number: int, seed: int) -> str:
    """Return the name as it is shown."""
    return " ".join(part for part in name_of(kind, number, seed)[1:] if part)


def reference(scale: Scale, kind: str, number: int) -> Json:
    """Return a Reference to a person or an organisation."""
    display = organization_name(scale, number) if kind == "Organization" else full_name(_PEOPLE.get(kind, kind), number, scale.seed)
    return {"reference": f"{kind}/{id_of(kind, number, scale.seed)}", "type": kind, "display": display}


_PEOPLE = {"PractitionerRole": "Practitioner"}


def organization_name(scale: Scale, number: int) -> str:
    """Return the name of an organisation."""
    pick = random_of(scale, "organization-name", number)
    return f"{_kind_of_organization(number)['name']} {pick.choice(words()['family'])} {pick.choice(words()['city'])}"


def _kind_of_organization(number: int) -> Json:
    kinds: list[Json] = words()["organization"]
    return kinds[number % len(kinds)]


def organizations(scale: Scale) -> Iterator[Json]:
    """Yield the organisations."""
    for number in range(scale.organizations):
        pick = random_of(scale, "Organization", number)
        kind = _kind_of_organization(number)
        coding = {
            "system": "http://nictiz.nl/fhir/NamingSystem/organization-type",
            "code": kind["code"],
            "display": kind["display"],
        }
        yield {
            **_head(scale, "Organization", number, "HealthcareProvider-Organization"),
            "identifier": [identifier("ura", ura(number)), identifier("agb-z", agb(number))],
            "active": True,
            "type": [{"coding": [coding]}],
            "name": organization_name(scale, number),
            "telecom": [{"system": "phone", "value": _phone(pick), "use": "work"}],
            "address": [{**_address(pick), "use": "work"}],
        }


def professionals(scale: Scale) -> Iterator[Json]:
    """Yield each professional and their role."""
    for number in range(scale.professionals):
        pick = random_of(scale, "Practitioner", number)
        profession: Json = words()["profession"][number % len(words()["profession"])]
        yield {
            **_head(scale, "Practitioner", number, "HealthProfessional-Practitioner"),
            "identifier": [identifier("uzi-nr-pers", uzi(number)), identifier("agb-z", agb(1_000_000 + number))],
            "active": pick.random() < 0.95,
            **_person("Practitioner", number, scale.seed),
            "telecom": _telecom(pick, "Practitioner", number, scale.seed),
        }
        yield {
            **_head(scale, "PractitionerRole", number, "HealthProfessional-PractitionerRole"),
            "active": True,
            "period": {"start": date(BEGIN + timedelta(days=pick.randrange(2000)))},
            "practitioner": reference(scale, "Practitioner", number),
            "organization": reference(scale, "Organization", employer(scale, number)),
            "code": [role(profession)],
            "telecom": [{"system": "email", "value": f"team{number}@zorg.example", "use": "work"}],
        }


def employer(scale: Scale, professional: int) -> int:
    """Return the organisation of a professional."""
    return professional % scale.organizations


def role(profession: Json) -> Json:
    """Return a profession as a concept."""
    coding = {"system": "http://snomed.info/sct", "code": profession["code"], "display": profession["display"]}
    return {"coding": [coding], "text": profession["text"]} if "text" in profession else {"coding": [coding]}


def client(scale: Scale, number: int) -> Json:
    """Return the Patient."""
    pick = random_of(scale, "Patient", number)
    born = END - timedelta(days=int(365.25 * min(max(pick.gauss(79, 11), 18), 104)))
    doctor = pick.randrange(scale.professionals) // 6 * 6  # every sixth professional is a general practitioner
    return {
        **_head(scale, "Patient", number, "Patient"),
        "identifier": [identifier("bsn", bsn(number)), {"system": _PERSON, "value": f"client-{number}"}],
        "active": True,
        **_person("Patient", number, scale.seed),
        "telecom": _telecom(pick, "Patient", number, scale.seed),
        "birthDate": date(born),
        "address": [_address(pick)],
        "generalPractitioner": [reference(scale, "Practitioner", doctor)],
    }


def carer(scale: Scale, number: int, patient: Json) -> Json:
    """Return the RelatedPerson, who cares for ``patient`` (a Reference)."""
    pick = random_of(scale, "RelatedPerson", number)
    relation: Json = pick.choice(words()["relation"])
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", **relation}
    return {
        **_head(scale, "RelatedPerson", number, "ContactPerson"),
        "identifier": [{"system": _PERSON, "value": f"carer-{number}"}],
        "active": True,
        "patient": patient,
        "relationship": [{"coding": [coding]}],
        **_person("RelatedPerson", number, scale.seed),
        "telecom": _telecom(pick, "RelatedPerson", number, scale.seed),
        "address": [_address(pick)],
    }


def _head(scale: Scale, kind: str, number: int, profile: str) -> Json:
    return {"resourceType": kind, "id": id_of(kind, number, scale.seed), "meta": {"profile": [PROFILE + profile]}}


def _person(kind: str, number: int, seed: int) -> Json:
    gender, given, prefix, family = name_of(kind, number, seed)
    surname = f"{prefix} {family}".strip()
    name = {"use": "official", "text": f"{given} {surname}", "family": surname, "given": [given]}
    return {"name": [name], "gender": gender}


def _telecom(pick: Random, kind: str, number: int, seed: int) -> list[Json]:
    _, given, _, family = name_of(kind, number, seed)
    mail = f"{given}.{family}{number}@post.example".lower()
    return [
        {"system": "phone", "value": f"06-555{pick.randrange(100_000):05}", "use": "mobile"},
        {"system": "email", "value": mail, "use": "home"},
    ]


def _phone(pick: Random) -> str:
    return f"0{pick.randrange(500, 599)}-555{pick.randrange(1000):03}"


def _address(pick: Random) -> Json:
    street, house = pick.choice(words()["street"]), pick.randrange(1, 250)
    code = f"{pick.randrange(9900, 9999)} {pick.choice('ABCDEGHJ')}{pick.choice('ABCDEGHJ')}"
    return {"use": "home", "line": [f"{street} {house}"], "city": pick.choice(words()["city"]), "postalCode": code, "country": "NL"}
