"""What of a dossier an actor may reach by its consents, as a predicate of the gate; ``access/consent`` says what consents mean."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.access.consent import THIRD_PARTY, of_person
from fhir_server.access.consent_match import ACCESS, KIND, ORGANISATION
from fhir_server.access.labelling import labels
from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.search.tree import (
    And,
    CircleNames,
    Consented,
    Dossier,
    Everything,
    InCircle,
    MemberOf,
    Missing,
    Node,
    Not,
    Nothing,
    Or,
    Token,
)
from fhir_server.storage.circle import EVERYBODY
from fhir_server.storage.consent_rule import FUNCTION

DISCLOSE: Final = "disclose"
"""The action, and the interaction, of who passes on to others what they see."""
MESSAGE: Final = "message"
"""The data category of conversations and tasks."""
_CORRECTING: Final = frozenset({"update", "patch", "delete"})


def consented(actor: Actor, interaction: str, entry: Entry, at: int) -> Consented:
    """Return that the consents of a dossier permit ``interaction`` on a type that has a category, at the instant ``at``.

    Messages are open to the members of the network until the client consents for the first time.
    """
    asked = of_person(actor, "", entry.category_coding, at)
    named = ((ORGANISATION, "", asked.organisations), (KIND, KIND, asked.kinds), (FUNCTION, FUNCTION, asked.functions))
    return Consented(
        keys=(*asked.people, *(f"{prefix}{each}" for _, prefix, values in named for each in values or ())),
        people=(*actor.people, *actor.teams),
        purpose=asked.purpose,
        category=asked.category,
        action=action(interaction),
        at=at,
        date="" if entry.main_date == LAST_UPDATED else entry.main_date,
        label=labels().of_type(entry),
        open_without=entry.category == MESSAGE,
        unknown=tuple(start for start, _, values in named if values is None),
        left=actor.left,
        coded=labels().coded.get(entry.name),
        author=Missing(entry.author, entry.search[entry.author].place) if entry.author else None,
    )


def own(actor: Actor, entry: Entry) -> Node:
    """Return what the client reaches in the own dossier by right: all but what somebody else told in confidence."""
    dossier = Dossier(actor.people)
    return And((dossier, Not(Token("_security", THIRD_PARTY)))) if entry.category else dossier


def action(interaction: str) -> str:
    """Return the code of http://terminology.hl7.org/CodeSystem/consentaction for ``interaction``.

    Who writes a message takes part in the conversation, and needs no more than who reads it. To forward one is to disclose it.
    """
    return DISCLOSE if interaction == DISCLOSE else "correct" if interaction in _CORRECTING else ACCESS


def by_part(entry: Entry, decided: Callable[[Entry], Node]) -> Node:
    """Return what is ``decided`` of a type by its data category; of a part that is of another category, by that one.

    The catalogue sees to it that no resource is in two parts.
    """
    if not entry.parts:
        return decided(entry)
    marked = [(Token(part.param, part.code, part.system), decided(of)) for part, of in entry.of_parts]
    rest = And((*(Not(token) for token, _ in marked), decided(entry)))
    return Or((rest, *(And(each) for each in marked)))


def governing(node: Node) -> Consented | None:
    """Return what in ``node``, the predicate of a grant, leaves the decision to the consents; None where nothing or more does."""
    found = set(_governing(node))
    return found.pop() if len(found) == 1 else None


def _governing(node: Node) -> Iterator[Consented]:
    if isinstance(node, Consented):
        yield node
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from _governing(part)


def membership(node: Node) -> MemberOf | None:
    """Return whose membership of the dossier ``node``, the predicate of a grant, asks for; None where it asks for nobody's."""
    match node:
        case MemberOf():
            return node
        case InCircle():
            return MemberOf(node.members, node.at, node.left)
        case And(parts) | Or(parts):
            return next((found for part in parts if (found := membership(part)) is not None), None)
    return None


def settled(node: Node, networks: Sequence[str], *, permit: bool) -> Node:
    """Return ``node`` with what is decided for one dossier in its place: the consents, and the membership of the actor.

    ``networks`` are the care teams of the dossier that make the actor a member; none: the actor is none.
    """
    match node:
        case Consented():
            return Everything() if permit else Nothing()
        case MemberOf():
            return Everything() if networks else Nothing()
        case InCircle():
            names = (*node.people, EVERYBODY, *(networks if node.networks else ()))
            return CircleNames(names, own=node.own) if networks else Nothing()
        case And(parts):
            return And(tuple(settled(part, networks, permit=permit) for part in parts))
        case Or(parts):
            return Or(tuple(settled(part, networks, permit=permit) for part in parts))
    return node
