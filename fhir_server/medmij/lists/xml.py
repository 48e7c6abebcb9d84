"""Reading a list of MedMij: XML without DOCTYPE, entities or network, and the two lines that every list has.

https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/244975569 (Interfaces lijsten)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

LARGEST: Final = 20_000_000
"""Bytes of a list."""
HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")
_SHORTEST: Final = 20  # characters of a time with its zone


class InvalidList(ValueError):
    """A list cannot be used; the text says why, and quotes nothing of it but names."""


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """Which publication of a list it is: its ``number`` (Volgnummer) and its ``stamp`` (Tijdstempel, seconds since 1970)."""

    number: int
    stamp: float


class Document:
    """One list, parsed, of which the root is known to be the right one."""

    def __init__(self, content: bytes, root: str, namespace: str) -> None:
        """Parse ``content``; raises InvalidList unless its root is ``root`` in ``namespace``."""
        self._namespace = namespace
        self._root = _parsed(content)
        if self._root.tag != f"{{{namespace}}}{root}":
            raise InvalidList(f"the root must be {root} in the namespace {namespace}")
        if any(element.prefix for element in self._root.iter("*")):
            raise InvalidList("the elements must have no prefix")
        self.issue = Issue(self._number(), self._stamp())

    def each(self, path: str) -> Iterator[etree._Element]:
        """Yield the elements at ``path`` below the root ("A/B")."""
        yield from self._root.iterfind("/".join(f"{{{self._namespace}}}{name}" for name in path.split("/")))

    def text(self, element: etree._Element, name: str) -> str:
        """Return the text of the one child ``name``; raises InvalidList."""
        found = element.findall(f"{{{self._namespace}}}{name}")
        text = (found[0].text or "").strip() if len(found) == 1 and not len(found[0]) else ""
        if not text:
            raise InvalidList(f"{etree.QName(element).localname} must have one {name}")
        return text

    def below(self, element: etree._Element, name: str) -> Iterator[str]:
        """Yield the text of every ``name`` below ``element``, however deep."""
        for each in element.iter(f"{{{self._namespace}}}{name}"):
            yield (each.text or "").strip()

    def _number(self) -> int:
        text = self.text(self._root, "Volgnummer")
        if not _NUMBER.fullmatch(text):
            raise InvalidList("Volgnummer must be a positive whole number")
        return int(text)

    def _stamp(self) -> float:
        text = self.text(self._root, "Tijdstempel")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise InvalidList("Tijdstempel is no time") from error
        if len(text) < _SHORTEST or moment.tzinfo is None:
            raise InvalidList("Tijdstempel must have a time zone")
        return moment.timestamp()


def host(text: str) -> str:
    """Return a host name as names are compared; raises InvalidList."""
    name = text.lower()
    if not HOST.fullmatch(name):
        raise InvalidList("a Hostname is no host name")
    return name


def _parsed(content: bytes) -> etree._Element:
    if len(content) > LARGEST:
        raise InvalidList(f"it is larger than {LARGEST} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidList("it is no well-formed XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidList("it has a DOCTYPE")
    return root
