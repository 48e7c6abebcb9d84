"""Questionnaires of our own, and the codes of what their answers come to."""

import json
from importlib.resources import files
from typing import Any


def questionnaires() -> list[dict[str, Any]]:
    """Return the Questionnaires, by file name."""
    found = sorted(
        (each for each in files(__name__).iterdir() if each.name.startswith("Questionnaire-")), key=lambda each: each.name
    )
    return [json.loads(each.read_text(encoding="utf-8")) for each in found]
