"""The whitelist (WHL): which nodes take part in MedMij."""

from dataclasses import dataclass
from typing import Final

from fhir_server.medmij.lists.xml import Document, InvalidList, Issue, host

NAMESPACE: Final = "xmlns://afsprakenstelsel.medmij.nl/whitelist/release2/"


@dataclass(frozen=True, slots=True)
class Whitelist:
    """The host names of all nodes, in lower case."""

    issue: Issue
    hosts: frozenset[str]


def read_whitelist(content: bytes) -> Whitelist:
    """Read the list; in file version 2 the name is the text of MedMijNode, since then of its Hostname. Raises InvalidList."""
    document = Document(content, "Whitelist", NAMESPACE)
    names = [
        host(document.text(node, "Hostname") if len(node) else (node.text or "").strip())
        for node in document.each("MedMijNodes/MedMijNode")
    ]
    if not names:
        raise InvalidList("it names no node")
    if len(set(names)) != len(names):
        raise InvalidList("a Hostname occurs twice")
    return Whitelist(document.issue, frozenset(names))
