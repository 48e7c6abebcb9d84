"""An invented network to try the server with: what is stored, who is in it, and the simulated source systems around it."""

import json
import tomllib
from importlib.resources import files
from typing import Any

from profiles.questionnaires import questionnaires

CLIENT = "Patient/ansje"
"""The client whose dossier it is."""


def network() -> list[dict[str, Any]]:
    """Return the resources that are stored, those first that others refer to."""
    bundle = json.loads((files("profiles.demo") / "network.json").read_text(encoding="utf-8"))
    return [*questionnaires(), *(entry["resource"] for entry in bundle["entry"])]


def persons() -> dict[str, dict[str, str]]:
    """Return who may be acted as: name to ``reference`` and ``role``."""
    return tomllib.loads((files("profiles.demo") / "persons.toml").read_text(encoding="utf-8"))


def sources() -> dict[str, dict[str, Any]]:
    """Return the simulated source systems: name to what the simulator is started with and what it holds."""
    return tomllib.loads((files("profiles.demo") / "sources.toml").read_text(encoding="utf-8"))


def medmij() -> dict[str, str]:
    """Return the registry and the lists of MedMij (docs/medmij.md): the name of each file to its text."""
    return {each.name: each.read_text(encoding="utf-8") for each in (files("profiles.demo") / "medmij").iterdir() if each.is_file()}
