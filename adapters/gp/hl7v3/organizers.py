"""The messages of integrated care: one organizer for each kind of data, in the same frame."""

from collections.abc import Callable, Iterator, Mapping

from adapters.contract import SourceError
from adapters.gp.hl7v3.journal import sections
from adapters.gp.hl7v3.pressure import paired
from adapters.gp.hl7v3.summary import below
from adapters.gp.hl7v3.surroundings import Message, Thing, organisation, person, put, put_act
from mappings.tree import Node

_CONCERN = "CONC"


def read_organizers(interaction: str, control: Node, subject: Node) -> Iterator[Message]:
    """Yield what the organizers below ``subject`` hold; SourceError for one that does not say whom it is about.

    The organisation that keeps the record is that of the custodian, else the one whose system sent the message (``control``).
    """
    senders = below(control, "authorOrPerformer", "participant", "AssignedDevice", "Organization")
    for organizer in subject.all("organizer"):
        patients = below(organizer, "recordTarget", "patientRole")
        if not patients:
            raise SourceError("structure", "an organizer has no patient")
        message = Message(organizer, Thing("Patient+role", patients[0]))
        custodian = person(_participants(organizer, "CST"))
        keeper = organisation(custodian) or next(iter(senders), None)
        _READERS[interaction](message, organizer, custodian, keeper)
        yield message


def _participants(act: Node, kind: str) -> list[Node]:
    return [role for one in act.all("participant") if one.value("typeCode") == kind for role in one.all("participantRole")]


def _surround(act: Node) -> None:
    """Put beside an act who is responsible for it, the contact in which it was done, and the episode that it belongs to."""
    put(act, "_author", person([*_participants(act, "RESP"), *below(act, "performer", "assignedEntity")]))
    for relation in act.all("entryRelationship"):
        for encounter in relation.all("encounter"):
            put_act(act, "_encounter", encounter)
        for other in relation.all("act"):
            code = other.first("code")
            if code and code.value("code") == _CONCERN:
                put_act(act, "_episode", other)


def _episodes(message: Message, organizer: Node, _custodian: Node | None, keeper: Node | None) -> None:
    for concern in below(organizer, "component", "act"):
        for diagnosis in below(concern, "entryRelationship", "observation"):
            put_act(diagnosis, "_concern", concern)
            message.add("Condition", diagnosis)
        put(concern, "_organisation", keeper)
        message.add("EpisodeOfCare", concern)


def _reports(message: Message, organizer: Node, custodian: Node | None, keeper: Node | None) -> None:
    for report in below(organizer, "component", "act"):
        _surround(report)
        if report.first("_author") is None:
            put(report, "_author", custodian)
        put(report, "_organisation", keeper)
        lines = [act for one in report.all("entryRelationship") if one.value("typeCode") == "COMP" for act in one.all("act")]
        for line in lines:
            for diagnosis in below(line, "entryRelationship", "observation")[:1]:
                put_act(line, "_diagnosis", diagnosis)
        report.children += sections(lines, report.first("_encounter"), report.first("_author"))
        message.add("Composition", report)


def _contacts(message: Message, organizer: Node, *_keepers: Node | None) -> None:
    for encounter in below(organizer, "component", "encounter"):
        _surround(encounter)
        message.add("Encounter", encounter)


def _determinations(message: Message, organizer: Node, *_keepers: Node | None) -> None:
    observations = below(organizer, "component", "observation")
    for node in observations:
        _surround(node)
    pressures, rest = paired(observations)
    for table, nodes in (("Observation+pressure", pressures), ("Observation", rest)):
        for node in nodes:
            message.add(table, node)


def _alerts(message: Message, organizer: Node, *_keepers: Node | None) -> None:
    for alert in below(organizer, "component", "observation"):
        _surround(alert)
        message.add("Flag", alert)


def _allergies(message: Message, organizer: Node, *_keepers: Node | None) -> None:
    for concern in below(organizer, "component", "act"):
        for allergy in below(concern, "entryRelationship", "observation"):
            _surround(allergy)
            put_act(allergy, "_concern", concern)
            message.add("AllergyIntolerance", allergy)


_READERS: Mapping[str, Callable[[Message, Node, Node | None, Node | None], None]] = {
    "REPC_IN990111NL": _episodes,
    "REPC_IN990101NL": _reports,
    "PRPA_IN900350NL": _contacts,
    "POLB_IN364001NL03": _determinations,
    "POOB_IN990003NL": _determinations,
    "REPC_IN990121NL": _alerts,
    "REPC_IN990131NL": _allergies,
}
INTERACTIONS = frozenset(_READERS)
