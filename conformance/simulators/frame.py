"""The frame of every HL7v3 answer: which question it answers, from whom, how much was found, and the person whom it is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from conformance.simulators.hl7v3 import APPLICATION, BSN, URA, Element, Question, element, moment

ORGANISATION_TYPES = "2.16.840.1.113883.2.4.15.1060"


@dataclass(frozen=True, slots=True)
class Person:
    """The client; ``birth`` is YYYYMMDD."""

    bsn: str
    given: str
    family: str
    birth: str
    gender: Literal["F", "M"]


@dataclass(frozen=True, slots=True)
class Sender:
    """The organisation whose system answers: name, number in the UZI register, application id, type (code, name)."""

    name: str
    ura: str
    application: str
    type: tuple[str, str]


def framed(interaction: str, question: Question, found: Element | None, sender: Sender, now: datetime) -> Element:
    """Answer ``question`` at ``now`` with what was ``found``, or with the code for "nothing found"."""
    identifier = {"root": f"{APPLICATION}.{sender.application}.1", "extension": f"re-{question.message.extension}"}
    target = {"root": question.message.root, "extension": question.message.extension}
    return element(
        interaction,
        {},
        element("id", identifier),
        element("creationTime", {"value": moment(now)}),
        element("versionCode", {"code": "NICTIZEd2005-Okt"}),
        element("interactionId", {"root": "2.16.840.1.113883.1.6", "extension": interaction}),
        element("profileId", {"root": "2.16.840.1.113883.2.4.3.11.1", "extension": "810"}),
        element("processingCode", {"code": "P"}),
        element("processingModeCode", {"code": "T"}),
        element("acceptAckCode", {"code": "NE"}),
        element("acknowledgement", {"typeCode": "AA"}, element("targetMessage", {}, element("id", target))),
        element("receiver", {}, _device(question.sender)),
        element("sender", {}, _device(sender.application)),
        _act(question, found, sender),
    )


def patient(person: Person) -> Element:
    """Describe the person whom an answer is about."""
    name = element(
        "name",
        {"use": "L"},
        element("given", {"qualifier": "CL"}, text=person.given),
        element("family", {"qualifier": "BR"}, text=person.family),
    )
    gender = element("administrativeGenderCode", {"code": person.gender, "codeSystem": "2.16.840.1.113883.5.1"})
    return element(
        "Patient",
        {},
        element("id", {"root": BSN, "extension": person.bsn}),
        element("statusCode", {"code": "active"}),
        element("Person", {}, name, gender, element("birthTime", {"value": person.birth})),
    )


def _device(application: str) -> Element:
    marks = {"classCode": "DEV", "determinerCode": "INSTANCE"}
    return element("device", marks, element("id", {"root": APPLICATION, "extension": application}))


def _act(question: Question, found: Element | None, sender: Sender) -> Element:
    code, display = sender.type
    held = element(
        "AssignedDevice",
        {},
        element("id", {"root": APPLICATION, "extension": sender.application}),
        element(
            "Organization",
            {},
            element("id", {"root": URA, "extension": sender.ura}),
            element("code", {"code": code, "codeSystem": ORGANISATION_TYPES, "displayName": display}),
            element("name", text=sender.name),
        ),
    )
    return element(
        "ControlActProcess",
        {"moodCode": "EVN"},
        element("authorOrPerformer", {"typeCode": "AUT"}, element("participant", {}, held)),
        None if found is None else element("subject", {}, found),
        _acknowledgement(question, found),
    )


def _acknowledgement(question: Question, found: Element | None) -> Element:
    total = "0" if found is None else "1"
    return element(
        "queryAck",
        {},
        element("queryId", {"root": question.query.root, "extension": question.query.extension}),
        element("queryResponseCode", {"code": "NF" if found is None else "OK"}),
        element("resultTotalQuantity", {"value": total}),
        element("resultCurrentQuantity", {"value": total}),
        element("resultRemainingQuantity", {"value": "0"}),
    )
