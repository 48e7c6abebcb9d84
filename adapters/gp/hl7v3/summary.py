"""The GP summary (PrimaryCareProvision): what of it is mapped, and what belongs together."""

from collections.abc import Iterator

from adapters.contract import SourceError
from adapters.gp.hl7v3.journal import kind, sections
from adapters.gp.hl7v3.pressure import paired
from adapters.gp.hl7v3.surroundings import Message, Thing, keys, person, put, put_act
from mappings.tree import Node

_ALERT = "74018-3"


def read_summary(subject: Node) -> Iterator[Message]:
    """Yield the summaries below ``subject``; SourceError for one that does not say whom it is about."""
    for provision in subject.all("PrimaryCareProvision"):
        yield _Summary(provision).read()


def below(node: Node, *path: str) -> list[Node]:
    """Return what a path of names leads to."""
    found = [node]
    for name in path:
        found = [child for one in found for child in one.all(name)]
    return found


class _Summary:
    """One summary while it is read: the episode that each act belongs to, and who keeps the record."""

    def __init__(self, provision: Node) -> None:
        self.provision = provision
        self.author = person(below(provision, "author", "AssignedEntity"))
        self.episodes: dict[str, Node] = {}
        patients = below(provision, "subject", "Patient")
        if not patients:
            raise SourceError("structure", "the summary has no subject")
        self.message = Message(provision, Thing("Patient", patients[0]))

    def read(self) -> Message:
        for episode in below(self.provision, "component7", "episodeOfCondition"):
            self._episode(episode)
        for encounter in below(self.provision, "component1", "encounter"):
            self._encounter(encounter)
        self._observations(below(self.provision, "component2", "observation"))
        for name, table in (("component3", "ContraIndication"), ("component4", "ObservationIntolerance")):
            for node in below(self.provision, name, table):
                put(node, "_author", self.author)
                self.message.add("Flag" if table == "ContraIndication" else "AllergyIntolerance", node)
        for note in below(self.provision, "pertinentInformation", "pertinentAnnotationObsEvent"):
            put(note, "_author", self.author)
            self.message.add("Flag", note)
        return self.message

    def _episode(self, episode: Node) -> None:
        acts = below(episode, "component2", "episodOfCare", "component", "actReference")
        self.episodes |= {key: episode for node in (episode, *acts) for key in keys(node)}
        for diagnosis in below(episode, "reason", "ObservationDx"):
            put_act(diagnosis, "_concern", episode)
            put(diagnosis, "_author", self.author)
            self.message.add("Condition", diagnosis)
        put(episode, "_author", self.author)
        self.message.add("EpisodeOfCare", episode)

    def _encounter(self, encounter: Node) -> None:
        author = person(below(encounter, "author", "AssignedPerson")) or self.author
        parts: dict[str, list[Node]] = {}
        for component in encounter.all("component"):
            number = component.first("sequenceNumber")
            parts.setdefault(number.value() if number else "", []).extend(component.children)
        for acts in parts.values():
            self._part(encounter, author, acts)
        for episode in self._episodes_of([act for acts in parts.values() for act in acts]):
            put_act(encounter, "_episode", episode)
        self.message.add("Encounter", encounter)

    def _part(self, encounter: Node, author: Node | None, acts: list[Node]) -> None:
        """Read the acts of a contact that have the same number: they are about the same problem."""
        lines = [act for act in acts if act.name == "JournalEntry"]
        diagnoses = [act for act in acts if act.name == "ObservationDx"]
        evaluation = next((line for line in lines if kind(line) == "E"), None)
        if evaluation and diagnoses:
            put_act(evaluation, "_diagnosis", diagnoses[0])
        if lines:
            self.message.add("Composition", self._report(encounter, author, lines, acts))
        for act in acts:
            if act.name in ("ObservationDx", "Prescription"):
                put_act(act, "_encounter", encounter)
                put(act, "_author", author)
                self.message.add("Condition" if act.name == "ObservationDx" else "MedicationRequest", act)

    def _report(self, encounter: Node, author: Node | None, lines: list[Node], acts: list[Node]) -> Node:
        report = Node("report", {}, "", "")
        report.children = [*encounter.all("effectiveTime"), *sections(lines, encounter, author)]
        put_act(report, "_encounter", encounter)
        put(report, "_author", author)
        for episode in self._episodes_of(acts):
            put_act(report, "_episode", episode)
        return report

    def _episodes_of(self, acts: list[Node]) -> list[Node]:
        found = [self.episodes[key] for act in acts for key in keys(act) if key in self.episodes]
        return list({id(episode): episode for episode in found}.values())

    def _observations(self, observations: list[Node]) -> None:
        measured = []
        for node in observations:
            put(node, "_author", self.author)
            code = node.first("code")
            if code and code.value("code") == _ALERT:
                self._alert(node)
            else:
                measured.append(node)
        pressures, rest = paired(measured)
        for table, nodes in (("Observation+pressure", pressures), ("Observation", rest)):
            for node in nodes:
                self.message.add(table, node)

    def _alert(self, alert: Node) -> None:
        for act in below(alert, "sourceOf", "act"):
            episode = next((self.episodes[key] for key in keys(act) if key in self.episodes), None)
            problems = below(episode, "reason", "ObservationDx") if episode else []
            put_act(alert, "_problem", problems[0] if problems else None)
            put_act(alert, "_episode", episode or act)
        self.message.add("Flag", alert)
