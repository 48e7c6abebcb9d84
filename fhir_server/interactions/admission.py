"""What is refused before an interaction begins, by the mode of the server (``profiles/ozo/modes.toml``)."""

import re
from collections.abc import Sequence
from typing import Final

from fhir_server.access.actor import Role
from fhir_server.access.recent import require_recent
from fhir_server.errors import BadRequest, NotAllowed
from fhir_server.interactions.call import Call
from fhir_server.interactions.own_id import require_own
from fhir_server.network.ozo import Mode

NOT_KEPT: Final = ("warning", '199 - "Cache-Control: no-store is ignored: no answer of this server is kept by a cache"')
_SYSTEM: Final = "system"
_HAS: Final = re.compile(r"_has:([A-Za-z]+):")
_ON_ITS_ID: Final = frozenset({"update", "patch", "delete"})
_METHODS: Final = {"read": "GET, HEAD", "search-type": "GET, HEAD", "create": "POST", "update": "PUT", "patch": "PATCH"}


def may_go_unstored(mode: Mode, cache_control: str) -> bool:
    """Tell whether a request asks that nothing of it be stored, and is served all the same; raises BadRequest where it is not."""
    if not cache_control or "no-store" not in {each.strip().lower() for each in cache_control.split(",")}:
        return False
    if mode.no_store == "refuse":
        raise BadRequest("Cache-Control: no-store is not supported. Leave it out; no-cache is.", detail="no-store")
    return True


def require_json(mode: Mode, role: Role | None, *formats: str) -> None:
    """Raise BadRequest where who has ``role`` (None: nobody) is spoken to in JSON only, and one of ``formats`` is another."""
    if mode.json_only and role != _SYSTEM and any(each != "json" for each in formats):
        raise BadRequest("Only JSON is spoken here: send and accept application/fhir+json.", detail="format-not-supported")


def require_no_operation(mode: Mode, role: Role, segments: Sequence[str]) -> None:
    """Raise BadRequest where who has ``role`` is refused the operation that the path ``segments`` name, if they name one."""
    if mode.operations and role != _SYSTEM and any(each.startswith("$") for each in segments):
        raise BadRequest("Operations are not supported here.", detail="operation-not-supported")


def admit(call: Call) -> None:
    """Raise BadRequest for a parameter that is closed to the caller, NotAllowed for a deletion that is not the caller's to make.

    NotAllowed also for a write of what lives at a source; Unauthorized for what needs a log-in of just now.
    """
    mode, role = call.services.ozo, call.actor.role
    require_recent(call.actor, call.interaction, call.type, call.now)
    if call.interaction in _ON_ITS_ID:
        require_own(call, call.id)
    if call.interaction == "delete" and role not in mode.delete:
        error = NotAllowed("Nothing is deleted here: change the status instead.")
        allowed = dict.fromkeys(_METHODS[each] for each in _METHODS if each in call.entry.interactions)
        error.headers = ((b"allow", ", ".join(allowed).encode()),)
        raise error
    if role == _SYSTEM or not mode.parameters:
        return
    for name, _ in call.parameters:
        if name.partition(":")[0] in mode.parameters:
            text = f"The search parameter '{name.partition(':')[0]}' is not supported by this server."
            raise BadRequest(text, detail="search-not-supported")
        for type_ in _HAS.findall(name):
            if role not in call.services.gate.readers(type_):
                raise BadRequest("'_has' goes through a resource type that is closed to you.", detail="search-has")
