"""References from one thing in a GP's answer to another, by the identifier that the source gives both.

The reference names the id that the other one has when it is in the same answer, and its identifier for when it is not.
"""

from mappings.engine import hash_id
from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import coding
from mappings.hl7v3.identifiers import identifier
from mappings.tree import Node

FUNCTIONS = Functions()
Json = dict[str, object]


def link(node: Node, type_: str) -> Json:
    """Return a reference to the ``type_`` that is made of an element with the same ``id``; Unmappable without identifier."""
    for one in node.all("id"):
        known = identifier(one)
        if known and one.value("extension"):
            local = hash_id(f"{one.value('root')}|{one.value('extension')}")
            found: Json = {"reference": f"{type_}/{local}"}
            shown = _shown(node)
            return found | {"type": type_, "identifier": known} | ({"display": shown} if shown else {})
    raise Unmappable("what is referred to has no identifier")


def _shown(node: Node) -> str:
    value, text = node.first("value"), node.first("text")
    shown = coding(value) if value and value.value("code") else None
    return (text.text if text else "") or str((shown or {}).get("display", ""))


@FUNCTIONS.each("link_condition")
def _link_condition(node: Node, _call: Call) -> Json:
    return link(node, "Condition")


@FUNCTIONS.each("link_encounter")
def _link_encounter(node: Node, _call: Call) -> Json:
    return link(node, "Encounter")


@FUNCTIONS.each("link_episode")
def _link_episode(node: Node, _call: Call) -> Json:
    return link(node, "EpisodeOfCare")
