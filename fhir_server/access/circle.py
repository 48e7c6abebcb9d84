"""What an actor reaches of a dossier by standing in circles, as a predicate of the gate (what a circle is: ``network/circle``)."""

from fhir_server.access.actor import Actor
from fhir_server.search.tree import And, CircleNames, Dossier, InCircle, Node, Not, Or
from fhir_server.storage.circle import CONVERSATION, EVERYBODY


def conversations(actor: Actor, at: int, *, writes: bool) -> Node:
    """Return what the actor reaches of conversations, messages and attachments, at the instant ``at``.

    A person stands in a circle by name, or by a care team of the dossier, as long as the person is a member of it; a team of an
    organisation makes its people stand there whether or not they are (OZO has departments answer for clients whom not everybody
    there knows). To write so, they need a circle that somebody else made: nobody opens a dossier by naming the own team.
    """
    return _of_others(actor, _standing(actor, at, others=writes))


def tasks(actor: Actor, at: int) -> Node:
    """Return what the actor reaches of Tasks: what the actor, or a team of a professional, owns, and what the actor asked for.

    An owner or requester is a member of the dossier, or stands in the conversation that the Task is about. Who stands there
    reaches the Tasks about it that nobody owns.
    """
    is_professional = actor.role == "practitioner"
    owners = InCircle(actor.people, _members(actor), at, actor.left, own=True, networks=is_professional)
    nodes: list[Node] = [owners, CircleNames(actor.people, own=True, alone=True)]
    nodes += [CircleNames(actor.teams, own=True)] if actor.teams and is_professional else []
    named = CircleNames((*actor.people, CONVERSATION), own=True)
    return _of_others(actor, Or((*nodes, And((named, _standing(actor, at, others=True))))))


def origins(actor: Actor, at: int, permitted: Node) -> Node:
    """Return what the actor reaches of where things come from: what is about those among whom the actor stands.

    ``permitted`` is what the consents let through of conversations and tasks; what is told to the whole network needs no more.
    """
    return And((conversations(actor, at, writes=False), Or((CircleNames((EVERYBODY,), own=True), permitted))))


def _standing(actor: Actor, at: int, *, others: bool) -> Node:
    named = InCircle(actor.people, _members(actor), at, actor.left)
    return Or((named, CircleNames(actor.teams, others=others))) if actor.teams else named


def _members(actor: Actor) -> tuple[str, ...]:
    return (*actor.people, *actor.teams)


def _of_others(actor: Actor, node: Node) -> Node:
    """Leave out the client's own dossier, which the client reads by right and not as a member of the network."""
    return And((node, Not(Dossier(actor.people)))) if actor.is_client else node
