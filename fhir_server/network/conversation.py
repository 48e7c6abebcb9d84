"""What of a conversation (CommunicationRequest) who asked for it may still change: that it is over."""

from collections.abc import Collection, Mapping
from typing import Any, Final

_OF_THE_SERVER: Final = frozenset({"versionId", "lastUpdated", "profile", "source"})


def closes(resource: Mapping[str, Any], before: Mapping[str, Any], states: Collection[str]) -> bool:
    """Tell whether ``resource`` says what ``before`` says but for its status, which is one of ``states``."""
    return resource.get("status") in states and _rest(resource) == _rest(before)


def own_meta(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the meta of ``resource`` its writer says: labels and tags."""
    return {name: value for name, value in resource.get("meta", {}).items() if name not in _OF_THE_SERVER}


def _rest(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in resource.items() if name not in {"status", "meta"}}, "meta": own_meta(resource)}
