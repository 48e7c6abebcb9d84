"""Whose data a request touched or asked for, as its line of the record names them: also where it was refused, or found nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from fhir_server.model.bsn import is_bsn
from fhir_server.model.reference import parse
from fhir_server.search.tree import And, Id, Node, Or, ReferenceTo
from fhir_server.storage.repository import Stored

_dossier = attrgetter("dossier")


@dataclass(slots=True)
class Touched:
    """What one request came upon so far.

    ``asked`` are the clients ("Patient/id") whom it named or whose data it gave, ``keys`` the dossiers of the stored resources that
    it found, each with these. ``sources`` are those that were asked, with what came of it, and ``basis`` the
    reasons and the Consents by which that was decided.
    """

    asked: dict[str, None] = field(default_factory=dict)
    keys: dict[int, list[Stored]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    basis: dict[str, None] = field(default_factory=dict)

    def ask(self, reference: str) -> None:
        """Note that ``reference`` was asked for; what is no id of a client, or may be a number of the person, is left out."""
        found = parse(reference) if reference.startswith("Patient/") else None
        if found is not None and not found.version and not is_bsn(found.id):
            self.asked[str(found)] = None

    def criteria(self, type_: str, where: Node) -> None:
        """Note the clients whom a search of ``type_`` names."""
        for reference in named(type_, where):
            self.ask(reference)

    def find(self, resources: Sequence[Stored]) -> None:
        """Note the dossiers of ``resources``, whether the caller may see them or not."""
        if len(set(map(_dossier, resources))) == 1:  # as mostly
            if key := resources[0].dossier:
                self.keys.setdefault(key, []).extend(resources)
            return
        for each in resources:
            if each.dossier:
                self.keys.setdefault(each.dossier, []).append(each)


def named(type_: str, where: Node) -> Iterator[str]:
    """Yield whom a search of ``type_`` names ("Type/id"), clients and others."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from named(type_, part)
        case ReferenceTo(_, target):
            yield target
        case Id(ids) if type_ == "Patient":
            yield from (f"Patient/{each}" for each in ids)
