"""Who is responsible, in which organisation."""

from mappings.engine import hash_id
from mappings.functions import Call, Functions
from mappings.tree import Node

FUNCTIONS = Functions()
ORGANISATIONS = ("Organization", "representedOrganization", "scopingEntity")


@FUNCTIONS.each("role_id")
def _role_id(node: Node, _call: Call) -> str | None:
    """Name the role of a person by the person, the organisation and the profession; None for a person without identifier."""
    person = _first(node)
    organisations = [found for name in ORGANISATIONS for one in node.all(name) if (found := _first(one))]
    code = node.first("code")
    profession = code.value("code") if code else ""
    return hash_id(f"role {person} {' '.join(organisations)} {profession}") if person else None


def _first(node: Node) -> str:
    ids = [f"{one.value('root')}|{one.value('extension')}" for one in node.all("id") if one.value("extension")]
    return ids[0] if ids else ""
