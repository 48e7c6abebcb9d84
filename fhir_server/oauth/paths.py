"""Finding a claim by its path: the names of members on the way to it."""

from collections.abc import Mapping
from typing import Any

Path = tuple[str, ...]


def value_at(claims: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what lies at ``path``, None where there is nothing."""
    found: Any = claims
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def text_at(claims: Mapping[str, Any], path: Path) -> str:
    """Return the text at ``path``, "" where there is none; a list of one text is that text."""
    found = value_at(claims, path)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if isinstance(found, str) else ""


def texts_at(claims: Mapping[str, Any], path: Path) -> list[str]:
    """Return the text or the texts at ``path``."""
    found = value_at(claims, path)
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)]


def words_at(claims: Mapping[str, Any], path: Path) -> list[str]:
    """Return the words of the text or the texts at ``path``."""
    return [word for text in texts_at(claims, path) for word in text.split()]
