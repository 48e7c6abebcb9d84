"""The profiles and extensions that FHIR R4 itself defines, and its complete code systems, as far as they are facts.

From ``r4/profiles.zip``, which ``r4/extract.py`` makes beside the definitions. Nothing is read before the first question.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile


def structure_definition(url: str) -> Mapping[str, Any] | None:
    """Return the StructureDefinition (differential only) with this canonical URL, None where R4 has no such constraint."""
    return _entry("profiles.json").get(url)


def structure_definitions() -> tuple[str, ...]:
    """Return the canonical URLs of all of them."""
    return tuple(_entry("profiles.json"))


def code_system(url: str) -> Mapping[str, Any] | None:
    """Return the CodeSystem (codes only) with this URL, None where R4 does not have all of its codes."""
    return _entry("code-systems.json").get(url)


@cache
def _entry(name: str) -> Mapping[str, Mapping[str, Any]]:
    with ZipFile(Path(__file__).with_name("r4") / "profiles.zip") as archive:
        found: Mapping[str, Mapping[str, Any]] = json.loads(archive.read(name), parse_float=Decimal)
    return found
