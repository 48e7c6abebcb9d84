"""Weights in headers that list what a client takes (RFC 9110 section 12.4.2)."""

from collections.abc import Iterable, Iterator


def qualities(header: str) -> Iterator[tuple[str, float]]:
    """Yield what ``header`` lists, in lower case and without parameters, with its weight."""
    for part in header.split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        if name:
            yield name.lower(), quality(parameters)


def quality(parameters: Iterable[str]) -> float:
    """Return the weight that ``parameters`` give ("q=0.5"): 1 when none does, 0 for what is no number from 0 to 1."""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            return _number(value)
    return 1.0


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0.0 <= found <= 1.0 else 0.0
