"""Which profiles the AuditEvent of a line may claim: those of IHE BALP for what was done, and OZOAuditEvent."""

from typing import Final

from fhir_server.storage.repository import AuditRow

_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_OZO: Final = "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZOAuditEvent"
_PATTERNS: Final = {
    "read": "Read",
    "vread": "Read",
    "search-type": "Query",
    "search-system": "Query",
    "create": "Create",
    "update": "Update",
    "delete": "Delete",
}
_DONE: Final = 400  # HTTP status codes from here on are failures, which BALP records otherwise
_OZO_AGENTS: Final = frozenset({"Practitioner", "RelatedPerson", "Device", ""})


def profiles(line: AuditRow, clients: int) -> list[str]:
    """Return the profiles of the event that tells ``line`` and names so many ``clients``."""
    found = []
    if pattern := _pattern(line, clients):
        found.append(_BALP + pattern)
    if line.actor.partition("/")[0] in _OZO_AGENTS:  # OZO knows no client as agent
        found.append(_OZO)
    return found


def _pattern(line: AuditRow, clients: int) -> str:
    pattern = _PATTERNS.get(line.interaction, "")
    known = bool(line.address) and (bool(line.id) or pattern == "Query")
    if not pattern or line.status >= _DONE or not known:
        return ""
    if pattern == "Delete":
        # The only pattern that is closed: nothing beside the client and what was deleted, and no fourth agent.
        return ""
    return f"Patient{pattern}" if clients == 1 else pattern
