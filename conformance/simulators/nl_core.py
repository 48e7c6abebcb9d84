"""What a home-care organisation recorded, as resources of FHIR R4 with the profiles of nl-core (Nictiz, zib 2020)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from conformance.simulators.nursing import Action, Code, Measurement, Nurse, Nursing, Objective, Problem, Treatment

Json = dict[str, Any]
PROFILE = "http://nictiz.nl/fhir/StructureDefinition/"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
URA = "http://fhir.nl/fhir/NamingSystem/ura"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
GENDERS = {"F": "female", "M": "male"}


def coded(system: str, code: str, display: str) -> Json:
    """Return a CodeableConcept with one code."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


class Record:
    """The record of one client; ``root`` is the address of the FHIR endpoint, ``now`` the day of the answer."""

    def __init__(self, nursing: Nursing, root: str, now: datetime) -> None:
        self._nursing = nursing
        self._root = root
        self._now = now

    def resources(self) -> Iterator[Json]:
        """Yield all there is, each with its version and the moment of its last change."""
        held = self._nursing
        yield self._patient()
        yield self._organisation()
        for nurse in held.nurse:
            yield from self._nurse(nurse)
        yield from map(self._problem, held.problem)
        yield from map(self._objective, held.objective)
        yield from map(self._action, held.action)
        yield from map(self._measurement, held.measurement)
        yield from map(self._treatment, held.treatment)

    def _resource(self, type_: str, id_: str, profile: str, days_ago: int = 0, **content: Any) -> Json:  # noqa: ANN401 - JSON
        changed = (self._now - timedelta(days=days_ago)).replace(hour=9, minute=30, second=0, microsecond=0)
        meta = {"versionId": "2", "lastUpdated": changed.isoformat(), "profile": [PROFILE + profile]}
        link = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{self._root}/{type_}/{id_}">KANARIE-VERTELLING</a></div>'
        return {"resourceType": type_, "id": id_, "meta": meta, "text": {"status": "generated", "div": link}, **content}

    def _day(self, days_ago: int) -> str:
        return f"{self._now - timedelta(days=days_ago):%Y-%m-%d}"

    @property
    def _subject(self) -> Json:
        return {"reference": f"Patient/{self._nursing.client}", "type": "Patient"}

    def _who(self, nurse: str) -> Json:
        found = next(each for each in self._nursing.nurse if each.id == nurse)
        return {"reference": f"PractitionerRole/rol-{nurse}", "type": "PractitionerRole", "display": found.family}

    def _patient(self) -> Json:
        person, own = self._nursing.patient, {"system": f"{self._root}/clientnummer", "value": self._nursing.client}
        name = {"use": "official", "text": f"{person.given} {person.family}", "family": person.family}
        return self._resource(
            "Patient",
            self._nursing.client,
            "nl-core-Patient",
            identifier=[{"system": BSN, "value": person.bsn}, own],
            name=[name],
            gender=GENDERS[person.gender],
            birthDate=f"{person.birth[:4]}-{person.birth[4:6]}-{person.birth[6:]}",
        )

    def _organisation(self) -> Json:
        held = self._nursing.organisation
        return self._resource(
            "Organization",
            "organisatie",
            "nl-core-HealthcareProvider-Organization",
            identifier=[{"system": URA, "value": held.ura}],
            type=[coded("http://nictiz.nl/fhir/NamingSystem/organization-type", "T2", "Thuiszorg")],
            name=held.name,
        )

    def _nurse(self, nurse: Nurse) -> Iterator[Json]:
        name = {"text": f"{nurse.given} {nurse.family}", "family": nurse.family}
        identifier = [{"system": AGB, "value": nurse.agb}]
        yield self._resource(
            "Practitioner", nurse.id, "nl-core-HealthProfessional-Practitioner", identifier=identifier, name=[name]
        )
        yield self._resource(
            "PractitionerRole",
            f"rol-{nurse.id}",
            "nl-core-HealthProfessional-PractitionerRole",
            practitioner={"reference": f"Practitioner/{nurse.id}", "display": name["text"]},
            organization={"reference": f"{self._root}/Organization/organisatie"},
            specialty=[coded("http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "30.000", "Verpleegkundige")],
        )

    def _problem(self, problem: Problem) -> Json:
        confirmed = coded(TERMINOLOGY + "condition-ver-status", "confirmed", "Confirmed")
        confirmed["coding"].append({"system": SNOMED, "code": "410605003", "display": "Confirmed present"})
        return self._resource(
            "Condition",
            problem.id,
            "nl-core-Problem",
            problem.days_ago,
            clinicalStatus=coded(TERMINOLOGY + "condition-clinical", "active", "Active"),
            verificationStatus=confirmed,
            category=[coded(SNOMED, "248536006", "Finding of functional performance and activity")],
            code=_concept(problem.code, problem.text),
            subject=self._subject,
            onsetDateTime=self._day(problem.days_ago),
            asserter={**self._who(problem.nurse), "reference": f"{self._root}/PractitionerRole/rol-{problem.nurse}"},
        )

    def _objective(self, objective: Objective) -> Json:
        return self._resource(
            "Goal",
            objective.id,
            "nl-core-TreatmentObjective",
            lifecycleStatus="active",
            description={"text": objective.text},
            subject=self._subject,
            target=[{"dueDate": self._day(-objective.in_days)}],
            addresses=[{"reference": f"Condition/{objective.problem}/_history/2", "type": "Condition"}],
        )

    def _action(self, action: Action) -> Json:
        often = {"repeat": {"frequency": action.per_week, "period": 1, "periodUnit": "wk"}}
        detail = {"code": _concept(action.code), "status": "in-progress", "scheduledTiming": often, "description": action.text}
        return self._resource(
            "CarePlan",
            action.id,
            "nl-core-NursingIntervention",
            action.days_ago,
            status="active",
            intent="plan",
            category=[coded(SNOMED, "9632001", "Nursing procedure")],
            subject=self._subject,
            period={"start": self._day(action.days_ago)},
            addresses=[{"reference": f"Condition/{action.problem}", "type": "Condition"}],
            goal=[{"reference": f"{self._root}/Goal/{action.objective}", "type": "Goal"}],
            activity=[{"detail": detail | {"performer": [self._who(action.nurse)]}}],
        )

    def _measurement(self, measured: Measurement) -> Json:
        at = (self._now - timedelta(days=measured.days_ago)).replace(hour=8, minute=15, second=0, microsecond=0)
        note = {"note": [{"text": measured.note}]} if measured.note else {}
        return self._resource(
            "Observation",
            measured.id,
            _PROFILES.get(measured.code.code, "pattern-VitalSigns"),
            measured.days_ago,
            status="final",
            category=[coded(TERMINOLOGY + "observation-category", "vital-signs", "Vital Signs")],
            code=_concept(measured.code),
            subject=self._subject,
            effectiveDateTime=at.isoformat(),
            performer=[self._who(measured.nurse)],
            **_value(measured),
            **note,
        )

    def _treatment(self, treatment: Treatment) -> Json:
        photo = {"contentType": "image/jpeg", "url": f"Binary/{treatment.photo}", "title": "Foto"}
        more: Json = {"note": [{"text": treatment.note}]} if treatment.note else {}
        if treatment.photo:
            more["extension"] = [{"url": "https://esdoorn.example/foto", "valueAttachment": photo}]
        return self._resource(
            "Procedure",
            treatment.id,
            "nl-core-Procedure-event",
            treatment.days_ago,
            status="completed",
            code=_concept(treatment.code),
            subject=self._subject,
            performedDateTime=self._day(treatment.days_ago),
            performer=[{"actor": self._who(treatment.nurse)}],
            partOf=[{"reference": "https://elders.example/fhir/Procedure/7", "display": "Behandeling in het ziekenhuis"}],
            **more,
        )


_PROFILES = {"85354-9": "nl-core-BloodPressure", "29463-7": "nl-core-BodyWeight", "8867-4": "nl-core-HeartRate"}


def _concept(code: Code, text: str = "") -> Json:
    made = coded(code.system, code.code, code.display)
    return made | {"text": text} if text else made


def _value(measured: Measurement) -> Json:
    if measured.value:
        return {"valueQuantity": _quantity(measured.value, measured.unit)}
    parts = (("8480-6", "Systolic blood pressure", measured.systolic), ("8462-4", "Diastolic blood pressure", measured.diastolic))
    pressure = [{"code": coded(LOINC, code, name), "valueQuantity": _quantity(str(value), "mm[Hg]")} for code, name, value in parts]
    return {"component": pressure}


def _quantity(value: str, unit: str) -> Json:
    return {"value": float(value) if "." in value else int(value), "unit": unit, "system": UCUM, "code": unit}
