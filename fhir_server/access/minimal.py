"""What the social domain does not get by taking part in a network, unless the client names it (AVG article 5.1c).

Which data that is, and who provides care, is data: ``profiles/minimal.toml``.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Minimal:
    """Data of ``categories`` ("system|code") are withheld from who works for no organisation of the kinds ``care``.

    A kind is a code ("system|code"), or a system all of whose codes are meant.
    """

    categories: frozenset[str]
    care: frozenset[str]

    def withholds(self, category: str, role: str, kinds: Iterable[str] | None) -> bool:
        """Tell whether a professional of organisations of ``kinds`` (None: unknown) gets ``category`` only where it is named."""
        if category not in self.categories or role != "practitioner":
            return False
        return not self.is_care(kinds or ())

    def is_care(self, kinds: Iterable[str]) -> bool:
        """Tell whether one of ``kinds`` is that of a care provider."""
        return any(kind in self.care or kind.partition("|")[0] in self.care for kind in kinds)


@cache
def minimal() -> Minimal:
    """Read the file; raises ValueError or KeyError when it is not as it must be."""
    given = tomllib.loads((files("profiles") / "minimal.toml").read_text(encoding="utf-8"))
    return Minimal(frozenset(given["categories"]), frozenset(given["care"]))
