"""The texts of the pages, and the language in which they are shown: Dutch or English."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files

LANGUAGES = ("nl", "en")


def load_texts(*packages: str) -> dict[str, dict[str, str]]:
    """Return the texts by language and key, as ``texts/*.toml`` of ``packages`` have them; those of later ones go before."""
    found: dict[str, dict[str, str]] = {each: {} for each in LANGUAGES}
    for package in packages:
        for language in LANGUAGES:
            file = files(package) / "texts" / f"{language}.toml"
            found[language] |= tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def language_of(ui_locales: str, accept_language: str) -> str:
    """Return the language of a page: what the client asked for (OpenID Connect), else what the browser prefers, else Dutch."""
    asked = [word.partition("-")[0].lower() for word in ui_locales.split()]
    return next((each for each in (*asked, *_preferred(accept_language)) if each in LANGUAGES), LANGUAGES[0])


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with each ``{name}`` in it replaced; the values are put in as they are."""
    return text.format_map(values)


def _preferred(header: str) -> Iterator[str]:
    weighted = []
    for part in header[:1000].split(","):
        tag, _, weight = part.partition(";")
        weighted.append((-_weight(weight), tag.strip().partition("-")[0].lower()))
    return (tag for weight, tag in sorted(weighted, key=lambda each: each[0]) if weight < 0)


def _weight(text: str) -> float:
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
