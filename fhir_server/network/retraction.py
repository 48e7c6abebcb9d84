"""Taking a message back: who sent it may set its status to entered-in-error, and change nothing else.

https://hl7.org/fhir/R4/communication-definitions.html#Communication.status
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.network.message_thread import RETRACTED

_OF_THE_SERVER: Final = frozenset({"versionId", "lastUpdated", "profile", "source"})


def takes_back(resource: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Tell whether ``resource`` says what ``before`` says, but that it was taken back."""
    return resource.get("status") == RETRACTED and _rest(resource) == _rest(before)


def _rest(resource: Mapping[str, Any]) -> dict[str, Any]:
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _OF_THE_SERVER}
    return {**{name: value for name, value in resource.items() if name not in {"status", "meta"}}, "meta": meta}
