"""A GP system that speaks HL7v3: asks the summary of a patient and translates it by the rows of ``mappings.hl7v3.gp``."""

import asyncio
from collections.abc import Hashable, Iterator, Mapping

from adapters.aorta.answer import BATCH, Answer, read_answer, root_of
from adapters.aorta.question import body_of, headers, question
from adapters.contract import RowUse, Source, SourceError, SourceQuery, Translation, Transport
from adapters.gp.hl7v3.organizers import INTERACTIONS, read_organizers
from adapters.gp.hl7v3.summary import read_summary
from adapters.gp.hl7v3.surroundings import Message, left_over
from adapters.gp.hl7v3.together import put_together
from mappings.engine import Incomplete, Resource, Result, content_id
from mappings.hl7v3.gp import engine
from mappings.hl7v3.identifiers import identifier
from mappings.tree import Node

QUESTION, SUMMARY = "QUPC_IN990001NL", "QUPC_IN990002NL"
_EXPECTED = INTERACTIONS | {SUMMARY}
_OF_PATIENT = frozenset({"AllergyIntolerance", "EpisodeOfCare"})


class Adapter:
    """The adapter ``gp/hl7v3``; it keeps nothing between calls."""

    def question(self, query: SourceQuery) -> Hashable:
        """Return whose summary is asked: all of it comes, whatever type is wanted."""
        return query.identifiers

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        """Ask the summary of one patient; SourceError for every failure, also for an answer to another question."""
        response = await transport.post(source.endpoint, question(query, source, QUESTION), headers(source, QUESTION))
        # A long record takes tens of milliseconds, in which others are to be served.
        return await asyncio.to_thread(_answered, body_of(response), query.request_id)

    def translate(self, payload: bytes) -> Translation:
        """Translate one answer (alone, in a batch, in SOAP or in another frame); SourceError when it is unusable."""
        root = root_of(payload)
        if root.name == "PrimaryCareProvision":
            frame = Node("subject", {}, "", "")
            frame.children = [root]
            return _translated(list(read_summary(frame)), ())
        framed = next((node for node in root.walk() if node.name in _EXPECTED | {BATCH}), root)
        return _translated_answer(read_answer(framed, _EXPECTED, partial=True))


def _answered(body: bytes, request_id: str) -> Translation:
    answer = read_answer(root_of(body), _EXPECTED)
    if answer.answers and request_id not in answer.answers:
        raise SourceError("structure", "the source answered another question")
    return _translated_answer(answer)


def _translated_answer(answer: Answer) -> Translation:
    return _translated(
        [message for name, act, subject in answer.subjects for message in _messages(name, act, subject)], answer.warnings
    )


def _messages(interaction: str, act: Node, subject: Node) -> Iterator[Message]:
    return read_summary(subject) if interaction == SUMMARY else read_organizers(interaction, act, subject)


def _translated(messages: list[Message], warnings: tuple[str, ...]) -> Translation:
    result = Result()
    about: dict[tuple[str, str], None] = {}
    unread: dict[str, None] = {}
    for message in messages:
        about |= dict.fromkeys(_patients(message.root))
        _map(message, result)
        unread |= dict.fromkeys(left_over(message.root))
    return Translation(
        resources=put_together(result),
        about=list(about),
        used=[RowUse(use.row, use.source, use.target) for use in result.used],
        left_over=list(unread),
        warnings=list(dict.fromkeys([*warnings, *result.remarks])),
    )


def _map(message: Message, result: Result) -> None:
    patient, part = engine().make(message.patient.table, message.patient.node)
    result.take(part)
    result.remarks.extend(message.remarks)
    subject = engine().reference(patient)
    places: dict[str, int] = {}
    for thing in message.things:
        type_ = thing.table.partition("+")[0]
        places[type_] = places.get(type_, 0) + 1
        try:
            main, made = engine().make(thing.table, thing.node, _given(type_, subject), {"Observation": {"subject": dict(subject)}})
        except Incomplete as error:
            result.remarks.append(f"{type_} {places[type_]} is left out: {error}")
            continue
        _keep_apart(main, made, result)
        made.remarks = [f"{type_} {places[type_]}: {remark}" for remark in made.remarks]
        result.take(made)


def _keep_apart(main: Resource, made: Result, result: Result) -> None:
    """Give a resource another id when the source gave its identifier to something else before: neither may hide the other."""
    address = f"{main['resourceType']}/{main['id']}"
    if result.resources.get(address, main) == main:
        return
    made.remarks.append("its identifier is also that of something else in the answer; both are kept")
    del made.resources[address]
    main["id"] = content_id(main)
    made.add(main)


def _given(type_: str, subject: Mapping[str, object]) -> dict[str, object]:
    return {"patient" if type_ in _OF_PATIENT else "subject": dict(subject)}


def _patients(root: Node) -> list[tuple[str, str]]:
    """Return the identifiers of every patient in a message; SourceError when it does not say whom it is about."""
    found = []
    for patient in (node for node in root.walk() if node.name in ("Patient", "patientRole")):
        for one in patient.all("id"):
            try:
                known = identifier(one)
            except ValueError as error:
                raise SourceError("structure", f"the patient of the answer: {error}") from None
            if known:
                found.append((str(known["system"]), str(known["value"])))
    if not found:
        raise SourceError("structure", "the answer does not say which patient it is about")
    return found
