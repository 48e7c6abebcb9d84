"""What the holder of data says to a request besides the client's choice here: a register like Mitz, asked a closed question.

The question is whether this holder may give data of this kind to a requester of this kind; only a plain yes permits.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

from fhir_server.federation.guard import Identifier

Verdict = Literal["permit", "deny", "not-applicable", "unavailable"]
_VERDICTS: Final = get_args(Verdict)
_KEYS: Final = frozenset({"holder", "requester", "code", "purpose", "verdict"})


class InvalidHolderConsents(ValueError):
    """The file of stated answers cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether ``holder`` may give data under ``code`` to organisations of the types ``requester``, for ``purpose``."""

    holder: tuple[Identifier, ...]
    code: str
    requester: tuple[str, ...]
    purpose: str


class HolderConsent(Protocol):
    """A register of what clients permit holders."""

    async def ask(self, question: Question) -> Verdict:
        """Answer; "unavailable" when there is no answer now, which is no refusal of the client's."""
        ...


@dataclass(frozen=True, slots=True)
class StatedConsent:
    """A register in a file: the first statement that fits a question answers it, and what none fits is permitted."""

    statements: Sequence[Mapping[str, str]]

    async def ask(self, question: Question) -> Verdict:
        """Answer from the file."""
        known: Mapping[str, Sequence[str]] = {
            "holder": [f"{system}|{value}" for system, value in question.holder],
            "requester": question.requester,
            "code": [question.code],
            "purpose": [question.purpose],
        }
        for statement in self.statements:
            if all(value in known[name] for name, value in statement.items() if name != "verdict"):
                return next(verdict for verdict in _VERDICTS if verdict == statement["verdict"])
        return "permit"


def read(path: Path) -> StatedConsent:
    """Read a TOML file of tables ``[[statement]]``; raises InvalidHolderConsents."""
    try:
        statements = tomllib.loads(path.read_text(encoding="utf-8")).get("statement", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidHolderConsents(f"{path}: {error}") from error
    if not isinstance(statements, list) or not all(_usable(each) for each in statements):
        raise InvalidHolderConsents(
            f"{path}: each [[statement]] has a verdict ({', '.join(_VERDICTS)}) and texts of {sorted(_KEYS)}"
        )
    return StatedConsent(statements)


def code_of(categories: Sequence[str]) -> str:
    """Return the code under which the first of ``categories`` ("system|code") is asked about."""
    table = _codes()
    return str(table["codes"].get(categories[0].rpartition("|")[2], table["other"]) if categories else table["other"])


@cache
def _codes() -> Mapping[str, Any]:
    return tomllib.loads(files("profiles").joinpath("consent", "holder-codes.toml").read_text(encoding="utf-8"))


def _usable(statement: object) -> bool:
    texts = isinstance(statement, dict) and all(isinstance(each, str) for each in statement.values())
    return texts and isinstance(statement, dict) and statement.keys() <= _KEYS and statement.get("verdict") in _VERDICTS
