"""A pharmacy system that speaks HL7v3: asks its dispense list and translates it by the rows of ``mappings.hl7v3``."""

import asyncio
from collections.abc import Hashable

from adapters.aorta.answer import Answer
from adapters.aorta.question import body_of, headers, question
from adapters.contract import RowUse, Source, SourceError, SourceQuery, Translation, Transport
from adapters.pharmacy.hl7v3.answer import read_lists
from mappings.engine import Incomplete, Result
from mappings.hl7v3 import engine
from mappings.hl7v3.identifiers import identifier
from mappings.tree import Node

QUESTION = "QURX_IN990111NL"
_WITHDRAWN = frozenset({"nullified", "cancelled"})


class Adapter:
    """The adapter ``pharmacy/hl7v3``; it keeps nothing between calls."""

    def question(self, query: SourceQuery) -> Hashable:
        """Return whose dispense list is asked: all of it comes, whatever type is wanted."""
        return query.identifiers

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        """Ask the dispense list of one patient; SourceError for every failure, also for an answer to another question."""
        response = await transport.post(source.endpoint, question(query, source, QUESTION), headers(source, QUESTION))
        lists, answer = await asyncio.to_thread(read_lists, body_of(response))
        if answer.answers and query.request_id not in answer.answers:
            raise SourceError("structure", "the source answered another question")
        # A long list takes tens of milliseconds, in which others are to be served.
        return await asyncio.to_thread(_translated, lists, answer)

    def translate(self, payload: bytes) -> Translation:
        """Translate one answer (alone, in a batch, in SOAP) or one bare dispense list; SourceError when it is unusable."""
        return _translated(*read_lists(payload, bare=True))


def _translated(lists: tuple[Node, ...], answer: Answer) -> Translation:
    result = Result()
    about: dict[tuple[str, str], None] = {}
    left_over: dict[str, None] = {}
    for dispenses in lists:
        about |= dict.fromkeys(_patients(dispenses))
        _list(dispenses, result)
        left_over |= dict.fromkeys(dispenses.unread())
    return Translation(
        resources=list(result.resources.values()),
        about=list(about),
        used=[RowUse(use.row, use.source, use.target) for use in result.used],
        left_over=list(left_over),
        warnings=list(dict.fromkeys([*answer.warnings, *result.remarks])),
    )


def _patients(dispenses: Node) -> list[tuple[str, str]]:
    """Return the identifiers of every patient in a list; SourceError when it does not say whom it is about."""
    found = []
    for patient in (node for node in dispenses.walk() if node.name == "Patient"):
        for one in patient.all("id"):
            try:
                known = identifier(one)
            except ValueError as error:
                raise SourceError("structure", f"the patient of the dispense list: {error}") from None
            if known:
                found.append((str(known["system"]), str(known["value"])))
    if not found:
        raise SourceError("structure", "the dispense list does not say which patient it is about")
    return found


def _list(dispenses: Node, result: Result) -> None:
    events = [event for component in dispenses.all("component") for event in component.all("medicationDispenseEvent")]
    patients = [patient for subject in dispenses.all("subject") for patient in subject.all("Patient")]
    if not patients:
        raise SourceError("structure", "the dispense list has no subject")
    patient, part = engine().make("Patient", patients[0])
    result.take(part)
    for place, event in enumerate(events, 1):
        status = event.first("statusCode")
        if event.value("negationInd") == "true" or (status and status.value("code") in _WITHDRAWN):
            result.remarks.append(f"event {place} was withdrawn and is left out")
            continue
        try:
            made = engine().make("MedicationDispense", event, {"subject": engine().reference(patient)})[1]
        except Incomplete as error:
            result.remarks.append(f"event {place} is left out: {error}")
            continue
        made.remarks = [f"event {place}: {remark}" for remark in made.remarks]
        result.take(made)
