"""The paths of FHIRPath Patch: the small part of FHIRPath (http://hl7.org/fhirpath/N1) that names elements, and nothing else.

Steps over elements, ``[index]``, ``first()``, ``last()``, ``ofType(X)``, ``extension('url')`` and ``where(a = 'b' and ...)``. A
client decides what is evaluated here, so that nothing may be expressible whose cost is not bounded by the resource.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

LONGEST: Final = 1_000
_SUBSET: Final = (
    "has a path with more than can be used here: element names, [index], first(), last(), ofType(X), extension('url') and "
    "where(a = 'b' and ...)"
)
_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<name>\$this|[A-Za-z_][A-Za-z0-9_]*)|(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<symbol>[.\[\]()=]))[ \t\r\n]*",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_INDEX_DIGITS = 9

Literal = str | bool | Decimal


@dataclass(frozen=True, slots=True)
class Member:
    """The children with this name; of a choice the name without the type."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """One of what was found so far, from 0; -1 is the last."""

    number: int


@dataclass(frozen=True, slots=True)
class OfType:
    """What was found so far and has this type."""

    name: str


@dataclass(frozen=True, slots=True)
class Where:
    """What was found so far and has these values: pairs of names ("()" is the element itself) and a literal."""

    conditions: tuple[tuple[tuple[str, ...], Literal], ...]


Step = Member | Index | OfType | Where
Path = tuple[Step, ...]


def parse(text: str) -> Path:
    """Read a path; ValueError with a text for the caller when it is none, or one of FHIRPath's that cannot be used here."""
    if len(text) > LONGEST:
        raise ValueError(f"has a path of more than {LONGEST} characters")
    return _Parser(_tokens(text)).path()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(_SUBSET)
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: Iterator[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._at = 0

    def path(self) -> Path:
        steps = [*self._step()]
        while self._tokens[self._at] != ("end", ""):
            if self._skip("["):
                steps.append(Index(_index(self._take("number"))))
                self._expect("]")
            else:
                self._expect(".")
                steps += self._step()
        return tuple(steps)

    def _step(self) -> Iterator[Step]:
        name = self._take("name")
        if not self._skip("("):
            yield Member(name)
            return
        match name:
            case "first":
                yield Index(0)
            case "last":
                yield Index(-1)
            case "ofType":
                yield OfType(self._take("name"))
            case "extension":
                yield Member("extension")
                yield Where(((("url",), _string(self._take("string"))),))
            case "where":
                yield self._where()
            case _:
                raise ValueError(_SUBSET)
        self._expect(")")

    def _where(self) -> Where:
        found = [self._condition()]
        while self._skip("and"):
            found.append(self._condition())
        return Where(tuple(found))

    def _condition(self) -> tuple[tuple[str, ...], Literal]:
        names = [self._take("name")]
        while self._skip("."):
            names.append(self._take("name"))
        self._expect("=")
        if names[0] == "$this":
            del names[0]
        return tuple(names), self._literal()

    def _literal(self) -> Literal:
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "string":
            return _string(text)
        if kind == "number":
            return Decimal(text)
        if text in {"true", "false"}:
            return text == "true"
        raise ValueError(_SUBSET)

    def _take(self, kind: str) -> str:
        found, text = self._tokens[self._at]
        if found != kind:
            raise ValueError(_SUBSET)
        self._at += 1
        return text

    def _skip(self, text: str) -> bool:
        kind, found = self._tokens[self._at]
        skipped = kind in {"symbol", "name"} and found == text
        self._at += skipped
        return skipped

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise ValueError(_SUBSET)


def _index(text: str) -> int:
    if not text.isdecimal() or len(text) > _INDEX_DIGITS:
        raise ValueError("has a path with an index that is no whole number from 0")
    return int(text)


def _string(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code in "'\"`":
        return code
    if len(code) > 1 or code in "\\/rntf":
        return str(json.loads(f'"\\{code}"'))
    raise ValueError("has a path with an escape that FHIRPath does not know")
