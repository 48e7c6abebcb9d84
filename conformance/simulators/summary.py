"""The answer of a GP system: interaction QUPC_IN990002NL with the summary of one patient."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from conformance.simulators.frame import Sender, framed, patient
from conformance.simulators.hl7v3 import APPLICATION, URA, Element, Question, element
from conformance.simulators.records import (
    Attention,
    Caution,
    Code,
    Contact,
    Doctor,
    Episode,
    Measurement,
    Part,
    Prescription,
    Record,
)

ANSWER = "QUPC_IN990002NL"
ICPC = "2.16.840.1.113883.2.4.4.31.1"
WAYS = "2.16.840.1.113883.2.4.4.30.14"
DETERMINATIONS = "2.16.840.1.113883.2.4.4.30.45"
LINE_KINDS = "SOEP"
LINES = "2.16.840.1.113883.2.4.4.32.2"
ACT_CLASS = "2.16.840.1.113883.5.6"
ACT_CODE = "2.16.840.1.113883.5.4"
GPK = "2.16.840.1.113883.2.4.4.1"
CONTRA_INDICATIONS = "2.16.840.1.113883.2.4.4.1.902.40"
INTOLERANCES = "2.16.840.1.113883.2.4.4.1.902.122"
LOINC = "2.16.840.1.113883.6.1"
UZI = "2.16.528.1.1007.3.1"
AGB = "2.16.840.1.113883.2.4.6.1"
PROFESSIONS = "2.16.840.1.113883.2.4.15.111"


def answer(question: Question, found: Record | None, owner: Record, now: datetime) -> Element:
    """Answer ``question`` at ``now`` from the practice of ``owner``: with the record that was found, or with "nothing found"."""
    practice = owner.practice
    sender = Sender(practice.name, practice.ura, practice.application, ("Z3", "Huisartspraktijk"))
    return framed(ANSWER, question, None if found is None else _Summary(found, now).element(), sender, now)


class _Summary:
    """One summary while it is written, at one moment."""

    def __init__(self, record: Record, now: datetime) -> None:
        self._record = record
        self._now = now

    def element(self) -> Element:
        record = self._record
        return element(
            "PrimaryCareProvision",
            {},
            element("templateId", {"root": "2.16.840.1.113883.2.4.3.11.60.70.10.2"}),
            self._id("2", record.patient.bsn[-4:]),
            element("statusCode", {"code": "active"}),
            element("subject", {"contextControlCode": "AP"}, patient(record.patient)),
            element("author", {"contextControlCode": "AP"}, self._doctor("AssignedEntity", named=True)),
            *[element("component7", {}, self._episode(each)) for each in record.episode],
            *[element("component1", {}, self._contact(each)) for each in record.contact],
            *[element("component2", {}, self._alert(each)) for each in record.episode if each.alert],
            *[element("component2", {}, self._measurement(each)) for each in record.measurement],
            *[element("component3", {}, self._contra_indication(each)) for each in record.contra_indication],
            *[element("component4", {}, self._intolerance(each)) for each in record.intolerance],
            *[element("pertinentInformation", {}, self._attention(each)) for each in record.attention],
        )

    def _id(self, kind: str, number: str) -> Element:
        return element("id", {"root": f"{APPLICATION}.{self._record.practice.application}.{kind}", "extension": number})

    def _day(self, days_ago: int) -> str:
        return f"{self._now - timedelta(days=days_ago):%Y%m%d}"

    def _interval(self, low: str, high: str = "") -> Element:
        return element("effectiveTime", {}, element("low", {"value": low}), element("high", {"value": high}) if high else None)

    def _doctor(self, tag: str, *, named: bool = False) -> Element:
        doctor, practice = self._record.doctor, self._record.practice
        return element(
            tag,
            {},
            element("id", {"root": UZI, "extension": doctor.uzi}),
            element("id", {"root": AGB, "extension": doctor.agb}),
            element("code", {"code": "01.015", "codeSystem": PROFESSIONS, "displayName": "Huisarts"}),
            _name(doctor) if named else None,
            element(
                "Organization",
                {},
                element("id", {"root": URA, "extension": practice.ura}),
                element("name", text=practice.name),
            ),
        )

    def _episode(self, episode: Episode) -> Element:
        ended = self._day(episode.ended_days_ago) if episode.ended_days_ago else ""
        diagnosis = element(
            "ObservationDx",
            {},
            self._id("4.6.1", episode.id),
            element("code", {"code": "DISDX", "codeSystem": ACT_CODE}),
            element("text", text=episode.text),
            element("value", _coded(episode.icpc, ICPC)),
        )
        acts = [
            self._id(f"4.2.{place}.{LINE_KINDS.index(line)}", contact.id)
            for contact in self._record.contact
            for place, part in enumerate(contact.part)
            if part.episode == episode.id
            for line in _lines(part)
        ]
        references = [element("component", {}, element("actReference", {"moodCode": "EVN"}, act)) for act in acts]
        return element(
            "episodeOfCondition",
            {},
            self._id("4.6", episode.id),
            element("text", text=episode.text),
            element("statusCode", {"code": "completed" if ended else "active"}),
            self._interval(self._day(episode.days_ago), ended),
            element("component2", {}, element("episodOfCare", {}, *references)) if references else None,
            element("reason", {}, diagnosis),
        )

    def _contact(self, contact: Contact) -> Element:
        start = (self._now - timedelta(days=contact.days_ago)).replace(hour=10, minute=0)
        end = start + timedelta(minutes=contact.minutes)
        parts = [act for place, part in enumerate(contact.part) for act in self._part(contact, place, part)]
        return element(
            "encounter",
            {},
            self._id("4.1", contact.id),
            element("code", _coded(contact.way, WAYS)),
            self._interval(f"{start:%Y%m%d%H%M}", f"{end:%Y%m%d%H%M}"),
            element("author", {"contextControlCode": "OP"}, self._doctor("AssignedPerson")),
            *parts,
        )

    def _part(self, contact: Contact, place: int, part: Part) -> Iterable[Element]:
        acts = [self._line(contact, place, kind, text) for kind, text in _lines(part).items()]
        if part.icpc:
            value = element("value", _coded(part.icpc, ICPC))
            code = element("code", {"code": "DISDX", "codeSystem": ACT_CODE})
            acts.append(element("ObservationDx", {}, self._id(f"4.3.{place}", contact.id), code, value))
        acts += [self._prescription(contact, each) for each in part.prescription]
        return [element("component", {}, element("sequenceNumber", {"value": str(place + 1)}), act) for act in acts]

    def _line(self, contact: Contact, place: int, kind: str, text: str) -> Element:
        code = element("code", {"code": kind, "codeSystem": LINES, "displayName": kind})
        return element(
            "JournalEntry", {}, self._id(f"4.2.{place}.{LINE_KINDS.index(kind)}", contact.id), code, element("value", text=text)
        )

    def _prescription(self, contact: Contact, prescription: Prescription) -> Element:
        start, end = self._day(contact.days_ago), self._day(contact.days_ago - prescription.days)
        bounds = element("comp", {"xsi": "IVL_TS"}, element("low", {"value": start}), element("high", {"value": end}))
        period = element("period", {"value": str(1 / prescription.per_day), "unit": "d"})
        request = element(
            "medicationAdministrationRequest",
            {},
            element("text", text=prescription.text),
            element("statusCode", {"code": "active"}),
            element("effectiveTime", {"xsi": "SXPR_TS"}, bounds, element("comp", {"xsi": "PIVL_TS", "operator": "A"}, period)),
        )
        kind = element("MedicationKind", {}, element("code", _coded(prescription.gpk, GPK)))
        medication = element("prescribedMedication", {}, kind, element("therapeuticAgentOf", {}, request))
        return element(
            "Prescription",
            {},
            self._id("4.4", prescription.id),
            element("statusCode", {"code": "active"}),
            element("author", {}, element("time", {"value": start}), self._doctor("AssignedPerson")),
            element("directTarget", {}, medication),
        )

    def _alert(self, episode: Episode) -> Element:
        concern = element(
            "act", {}, self._id("4.6", episode.id), element("code", {"code": "CONC", "codeSystem": "2.16.840.1.113883.5.6"})
        )
        code = element("code", {"code": "74018-3", "codeSystem": LOINC, "displayName": "Alert"})
        return element("observation", {}, code, element("statusCode", {"code": "completed"}), element("sourceOf", {}, concern))

    def _measurement(self, measurement: Measurement) -> Element:
        value = None
        if measurement.value:
            value = element("value", {"xsi": "PQ", "value": measurement.value, "unit": measurement.unit})
        elif measurement.text:
            value = element("value", {"xsi": "ST"}, text=measurement.text)
        return element(
            "observation",
            {},
            self._id("4.7", measurement.id),
            element("code", _coded(measurement.determination, DETERMINATIONS)),
            element("effectiveTime", {"value": self._day(measurement.days_ago)}),
            value,
        )

    def _contra_indication(self, caution: Caution) -> Element:
        return element("ContraIndication", {}, *self._caution(caution, "4.8", "CI", CONTRA_INDICATIONS))

    def _intolerance(self, caution: Caution) -> Element:
        marks = {"negationInd": "true" if caution.denied else "false"}
        return element("ObservationIntolerance", marks, *self._caution(caution, "4.9", "INTLRNC", INTOLERANCES))

    def _caution(self, caution: Caution, kind: str, code: str, system: str) -> list[Element]:
        return [
            self._id(kind, caution.id),
            element("code", {"code": code, "codeSystem": ACT_CODE}),
            element("text", text=caution.text),
            self._interval(self._day(caution.days_ago)),
            element("value", _coded(caution.code, system)),
        ]

    def _attention(self, attention: Attention) -> Element:
        return element(
            "pertinentAnnotationObsEvent",
            {},
            element("code", {"code": "ATT", "codeSystem": ACT_CODE, "displayName": "attentie"}),
            element("text", text=attention.text),
            self._interval(self._day(attention.days_ago)),
        )


def _name(doctor: Doctor) -> Element:
    return element("assignedPerson", {}, element("name", {}, element("family", {"qualifier": "BR"}, text=doctor.name)))


def _lines(part: Part) -> dict[str, str]:
    found = {"S": part.s, "O": part.o, "E": part.e, "P": part.p}
    return {kind: text for kind, text in found.items() if text}


def _coded(code: Code, system: str) -> dict[str, str]:
    return {"code": code.code, "codeSystem": system, "displayName": code.display}
