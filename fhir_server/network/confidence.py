"""What is told in confidence about a client: all that belongs to such a conversation is, whoever writes it.

The client sees nothing that has the label ``third-party`` (docs/consent.md). An app that answers, or a Task that marks what is
unread, would tell of the conversation if it had not that label too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhir_server.access.consent import THIRD_PARTY
from fhir_server.network.json_parts import listed, mapped, text

Label = Mapping[str, Any]


def confidence(resource: Mapping[str, Any]) -> tuple[Label, ...]:
    """Return the labels of ``resource`` by which it is told in confidence; none where it is not."""
    return tuple(each for each in listed(mapped(resource, "meta"), "security") if text(each, "code") == THIRD_PARTY)


def confided(resource: Mapping[str, Any], labels: Sequence[Label]) -> Mapping[str, Any]:
    """Return ``resource`` as told in confidence where ``labels`` of what it belongs to say so; itself where nothing changes."""
    if not labels or confidence(resource):
        return resource
    meta = mapped(resource, "meta")
    return {**resource, "meta": {**meta, "security": [*listed(meta, "security"), *_each(labels)]}}


def _each(labels: Iterable[Label]) -> list[Label]:
    found: list[Label] = []
    for each in labels:
        if each not in found:
            found.append(each)
    return found
