"""Reads ``sources.toml``: which source systems there are, one table per source.

[linde]                                           # its name; part of the sealed ids, so it stays what it is
adapter = "pharmacy/hl7v3"
endpoint = "https://linde.example/hl7v3"
organisation = { ura = "90000383" }               # and/or agb: whose system it is
categories = ["MedicationUse"]                    # what it is asked for; left out: all that the adapter answers
budget = 5.0                                      # seconds
credentials = "env:LINDE"                         # or "file:PATH": where the Authorization header stands

[linde.options]
display = "Apotheek De Linde"                     # how callers see it
largest_answer = "2000000"                        # bytes
most_resources = "10000"                          # in one answer; the other options are the adapter's
"""

import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from adapters.contract import Source

URA = "http://fhir.nl/fhir/NamingSystem/ura"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
ORGANISATION = {"ura": URA, "agb": AGB}
KEYS = frozenset({"adapter", "endpoint", "organisation", "categories", "budget", "credentials", "options"})
LONGEST_BUDGET = 8.0
DIGITS = re.compile(r"[0-9]{8}", re.ASCII)

Table = dict[str, object]


class InvalidSources(Exception):
    """``sources.toml`` cannot be used; the text names the file, the table and the key."""


def read(path: Path, adapters: Collection[str]) -> tuple[Source, ...]:
    """Read the sources that ``path`` declares; raise ``InvalidSources``. ``adapters`` are the names of those that exist."""
    try:
        return parse(path.read_text(encoding="utf-8"), adapters)
    except (OSError, UnicodeDecodeError, InvalidSources) as error:
        raise InvalidSources(f"{path}: {error}") from error


def parse(text: str, adapters: Collection[str]) -> tuple[Source, ...]:
    """Make the sources that ``text`` (TOML) declares; raise ``InvalidSources``."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSources(str(error)) from error
    return tuple(_source(name, table, adapters) for name, table in tables.items())


def _source(name: str, table: object, adapters: Collection[str]) -> Source:
    if not isinstance(table, dict):
        raise InvalidSources(f"{name} must be a table, [{name}]")
    if unknown := sorted(table.keys() - KEYS):
        raise InvalidSources(f"[{name}] has an unknown key: {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}")
    return Source(
        name=name,
        adapter=_adapter(name, table, adapters),
        endpoint=_endpoint(name, table),
        organisation=_organisation(name, table),
        categories=_categories(name, table),
        budget=_budget(name, table),
        options=_options(name, table),
    )


def _text(name: str, table: Table, key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise InvalidSources(f"[{name}] {key} must be a string")
    return value


def _adapter(name: str, table: Table, adapters: Collection[str]) -> str:
    adapter = _text(name, table, "adapter")
    if adapter not in adapters:
        raise InvalidSources(
            f"[{name}] adapter: there is no adapter {adapter!r}; there are {', '.join(sorted(adapters)) or 'none'}"
        )
    return adapter


def _endpoint(name: str, table: Table) -> str:
    endpoint = _text(name, table, "endpoint")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        usable = False
    if not usable:
        raise InvalidSources(f"[{name}] endpoint must be an http or https URL without user name")
    return endpoint


def _organisation(name: str, table: Table) -> tuple[tuple[str, str], ...]:
    numbers = table.get("organisation")
    if not isinstance(numbers, dict) or not numbers or not numbers.keys() <= ORGANISATION.keys():
        raise InvalidSources(f"[{name}] organisation must be a table with ura, agb or both: whose system this is")
    if wrong := sorted(key for key, value in numbers.items() if not (isinstance(value, str) and DIGITS.fullmatch(value))):
        raise InvalidSources(f"[{name}] organisation.{wrong[0]} must be a string of eight digits")
    return tuple((ORGANISATION[key], value) for key, value in numbers.items())


def _categories(name: str, table: Table) -> frozenset[str]:
    found = table.get("categories", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InvalidSources(f"[{name}] categories must be an array of strings")
    return frozenset(found)


def _budget(name: str, table: Table) -> float:
    budget = table.get("budget", 5.0)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget <= LONGEST_BUDGET:
        raise InvalidSources(f"[{name}] budget must be a number of seconds, above 0 and at most {LONGEST_BUDGET:g}")
    return float(budget)


def _options(name: str, table: Table) -> dict[str, str]:
    options = table.get("options", {})
    if not isinstance(options, dict) or not all(isinstance(each, str) for each in options.values()):
        raise InvalidSources(f"[{name}.options] must hold strings only")
    for key, what in {"largest_answer": "bytes", "most_resources": "resources"}.items():
        if not str(options.get(key, "1")).isdecimal():
            raise InvalidSources(f"[{name}.options] {key} must be a number of {what}")
    credentials = _text(name, table, "credentials")
    return {**options, "credentials": credentials} if credentials else options
