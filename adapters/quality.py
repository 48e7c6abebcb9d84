"""How good an adapter says it is: its ``quality.toml``, and the rules of the three tiers.

``tier`` is the tier that the adapter claims; under ``[rules]`` stands for every rule "done", or a table with ``status`` ("todo" or
"exempt") and the ``reason``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

TIERS: Mapping[str, tuple[str, ...]] = {
    "bronze": ("manifest", "contract", "golden", "errors", "timeout", "readme", "owner"),
    "silver": ("rows-exercised", "left-over-listed", "unavailable-source", "no-patient-data-in-texts", "safe-retry"),
    "gold": ("profiles-valid", "terminology-by-concept-map", "replay", "conformance-cases", "load-figure"),
}


class QualityError(ValueError):
    """A quality file is wrong; the text says in what."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The claimed ``tier``, and the rules by status with the reason of those that are not done."""

    tier: str
    done: frozenset[str]
    exempt: Mapping[str, str]
    todo: Mapping[str, str]

    def missing(self) -> list[str]:
        """Return the rules of the claimed tier, and of the ones below it, that are still to do."""
        tiers = list(TIERS)[: list(TIERS).index(self.tier) + 1]
        return [rule for tier in tiers for rule in TIERS[tier] if rule in self.todo]


def read_quality(text: str) -> Quality:
    """Read a quality file; QualityError when it is wrong or silent about a rule."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise QualityError(f"quality.toml: {error}") from None
    if found.get("tier") not in TIERS:
        raise QualityError(f"quality.toml: tier must be one of {', '.join(TIERS)}")
    rules = found.get("rules", {})
    known = {rule for names in TIERS.values() for rule in names}
    if rules.keys() != known:
        raise QualityError(f"quality.toml: unknown or missing rules: {', '.join(sorted(rules.keys() ^ known))}")
    by_status: dict[str, dict[str, str]] = {"done": {}, "exempt": {}, "todo": {}}
    for rule, value in rules.items():
        status, reason = (value, "") if isinstance(value, str) else (value.get("status"), value.get("reason", ""))
        if status not in by_status or (status != "done" and not reason):
            raise QualityError(f'quality.toml: {rule} must be "done", or a table with status "todo" or "exempt" and a reason')
        by_status[status][rule] = reason
    return Quality(found["tier"], frozenset(by_status["done"]), by_status["exempt"], by_status["todo"])
