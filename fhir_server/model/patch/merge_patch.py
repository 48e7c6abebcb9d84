"""JSON Merge Patch (RFC 7396): members of the patch replace those of the document, null removes."""

from typing import Any


def merge(patch: Any, document: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what ``document`` becomes; it stays as it is itself, and shares what is the same. Arrays are replaced whole."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(value, result.get(name))
    return result
