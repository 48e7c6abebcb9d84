"""Scopes as the things that a person can switch on and off: groups of resource types, for reading and for writing.

The groups stand in ``profiles/consent-groups.toml``, and so do the words that people read.
"""

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fhir_server.access.scope import Scope, parse_scopes
from fhir_server.oauth.authorize.scopes import IDENTITY, LAUNCH, LAUNCH_PATIENT, OFFLINE, ONLINE, is_resource

RIGHTS: Mapping[str, str] = {"read": "rs", "write": "cud"}
IDENTITY_KEY = "identity"
OFFLINE_KEY = "offline"
_SINGLE: Mapping[str, str] = {**dict.fromkeys(IDENTITY, IDENTITY_KEY), OFFLINE: OFFLINE_KEY}
_ALWAYS = frozenset({LAUNCH, LAUNCH_PATIENT, ONLINE})  # these give no data by themselves

Letters = Callable[[str], str]
"""What the person's role may do with a resource type, as letters of "cruds"."""


class GroupsError(ValueError):
    """The file of groups does not cover the resource types once each; the text says which."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups: ``names`` in their order, ``of`` a resource type, ``texts[language][key]`` with keys such as "messages.read"."""

    names: tuple[str, ...]
    of: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]

    def offered(self, words: Iterable[str], letters: Letters) -> tuple[str, ...]:
        """Return the keys of what ``words`` (scopes) ask and the role may have, in the order of the page."""
        keys = {key for word in words for key, _ in self._atoms(word, letters)}
        order = [IDENTITY_KEY, *(f"{name}.{right}" for name in self.names for right in RIGHTS), OFFLINE_KEY]
        return tuple(key for key in order if key in keys)

    def narrowed(self, words: Sequence[str], kept: Collection[str], letters: Letters) -> tuple[str, ...]:
        """Return the scopes that give what of ``words`` lies within the ``kept`` keys and the role, and nothing else."""
        found: dict[str, None] = {}
        for word in words:
            found.update(dict.fromkeys(self._narrowed(word, kept, letters)))
        return tuple(found)

    def rights(self, words: Iterable[str], letters: Letters) -> frozenset[tuple[str, str]]:
        """Return what ``words`` give the role, one by one: two requests can be compared by it, however they are written."""
        return frozenset(atom for word in words for atom in self._atoms(word, letters))

    def _narrowed(self, word: str, kept: Collection[str], letters: Letters) -> Iterable[str]:
        if word in _ALWAYS or _SINGLE.get(word) in kept:
            return (word,)
        if not is_resource(word):
            return ()
        atoms = self._atoms(word, letters)
        given = [right for key, right in atoms if key in kept]
        whole = len(given) == len(atoms) and (word.partition("/")[2].startswith("*") or joined(given) == _rewritten(word))
        return (word,) if given and whole else joined(given)

    def _atoms(self, word: str, letters: Letters) -> list[tuple[str, str]]:
        """Return the pairs of key and single right ("patient/Task.r") that a scope is made of."""
        if word in _SINGLE:
            return [(_SINGLE[word], word)]
        return [atom for scope in parse_scopes(word) for atom in self._each(scope, letters)]

    def _each(self, scope: Scope, letters: Letters) -> Iterable[tuple[str, str]]:
        types = self.of if scope.type == "*" else (scope.type,)
        for type_ in types:
            for letter in scope.letters:
                if letter in letters(type_):
                    right = next(right for right, of in RIGHTS.items() if letter in of)
                    yield f"{self.of[type_]}.{right}", f"{scope.level}/{type_}.{letter}"


def load_groups(types: Collection[str], text: str | None = None) -> Groups:
    """Read the groups (``text``, or the project's own) and check that each of ``types`` stands in one; raises GroupsError."""
    if text is None:
        text = files("profiles").joinpath("consent-groups.toml").read_text(encoding="utf-8")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GroupsError(f"consent-groups.toml: {error}") from error
    listed = [(type_, name) for name, table in tables.items() for type_ in table.get("types", ())]
    names = sorted(type_ for type_, _ in listed)
    if names != sorted(types):
        wrong = {each for each in names if names.count(each) > 1} | set(names) ^ set(types)
        raise GroupsError(f"consent-groups.toml: each resource type belongs in one group, see {', '.join(sorted(wrong))}")
    return Groups(tuple(tables), dict(listed), {language: _texts(tables, language) for language in ("nl", "en")})


def _texts(tables: Mapping[str, Any], language: str) -> dict[str, str]:
    try:
        return {f"{name}.{right}": table[language][right] for name, table in tables.items() for right in RIGHTS}
    except KeyError as error:
        raise GroupsError(f"consent-groups.toml: a group has no text in the language {language}: {error}") from error


def _rewritten(word: str) -> tuple[str, ...]:
    return tuple(f"{scope.level}/{scope.type}.{scope.letters}" for scope in parse_scopes(word))


def joined(rights: Iterable[str]) -> tuple[str, ...]:
    """Join single rights to scopes: "patient/Task.r" and "patient/Task.s" to "patient/Task.rs"; "openid" stays what it is."""
    found: dict[str, str] = {}
    for right in rights:
        name, _, letter = right.partition(".")
        found[name] = found.get(name, "") + letter
    return tuple(
        f"{name}.{''.join(each for each in 'cruds' if each in letters)}" if letters else name for name, letters in found.items()
    )
