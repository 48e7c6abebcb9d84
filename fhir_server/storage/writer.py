"""The text of one statement while it is written, and the statement when it is done."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from fhir_server.storage.dialect import Dialect
from fhir_server.storage.shape import Items, Value


class Statement(NamedTuple):
    """SQL made of constant fragments, and how to pick its parameters from the values of a search."""

    sql: str
    pick: Callable[[Sequence[Value]], tuple[Value, ...]]


class Writer:
    """Hands out parameters: each slot that a text uses gets the next number."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._numbers: dict[int, int] = {}

    def at(self, slot: int) -> str:
        """Return the parameter that stands for the value in ``slot``."""
        return f"{self.dialect.mark}{self._numbers.setdefault(slot, len(self._numbers) + 1)}"

    def among(self, items: Items) -> str:
        """Return the comparison "is one of ``items``"."""
        slot, few = items
        if few == 1:
            return f"= {self.at(slot)}"
        return f"IN ({', '.join(map(self.at, range(slot, slot + few)))})" if few else self.dialect.among(self.at(slot))

    def statement(self, sql: str) -> Statement:
        """Return ``sql`` with the picker for the slots used so far."""
        slots = tuple(self._numbers)
        if not slots:
            return Statement(sql, lambda _values: ())
        if len(slots) == 1:
            only = slots[0]
            return Statement(sql, lambda values: (values[only],))
        return Statement(sql, itemgetter(*slots))
