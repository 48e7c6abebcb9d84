"""Parts of a resource, whatever stands there: an absent or misshapen part is an empty one."""

from collections.abc import Mapping
from typing import Any


def listed(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects in the array ``name``."""
    found = value.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def mapped(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object ``name``."""
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def text(value: Mapping[str, Any], name: str) -> str:
    """Return the string ``name``."""
    found = value.get(name)
    return found if isinstance(found, str) else ""
