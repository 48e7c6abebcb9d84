"""The words in which people read the record, from ``profiles/access-log.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal, get_args

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
KINDS: Final = ("words", "roles", "actions", "purposes", "bases", "outcomes", "data")


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one ``language``: by kind, then by code; "_" is said of every code that has no words of its own."""

    language: Language
    words: Mapping[str, Mapping[str, str]]

    def of(self, kind: str, code: str, otherwise: str = "") -> str:
        """Return the words for ``code``; ``otherwise``, where it is given, before "_"."""
        known = self.words[kind]
        return known.get(code) or otherwise or known.get("_", code)


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: Language) -> Texts:
    """Return the words of a language."""
    tables = tomllib.loads(files("profiles").joinpath("access-log.toml").read_text(encoding="utf-8"))
    return Texts(language, {kind: tables[language][kind] for kind in KINDS})
