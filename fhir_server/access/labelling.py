"""The confidentiality of what has no security label of its own.

Which categories and codes have which is data: ``profiles/labels.toml``.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from fhir_server.access import classified
from fhir_server.access.classified import Classified
from fhir_server.catalog.catalog import Entry
from fhir_server.search.rows import IndexRow, key
from fhir_server.search.tree import Coded
from fhir_server.storage.consent_rule import LABELS


class LabelsError(ValueError):
    """The table of labels is not as it must be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The label of each data category (``categories``), and ``coded``: of each type, which codes have another one.

    The codes that ``classified`` finds have the label ``special`` too.
    """

    categories: Mapping[str, str]
    coded: Mapping[str, Coded]
    classified: Classified = field(default_factory=lambda: Classified({}, {}))
    special: str = ""

    def of_type(self, entry: Entry) -> str:
        """Return the label of what has none of the codes; "" when it is unknown."""
        return self.categories.get(entry.category, "")

    def of(self, entry: Entry, rows: Collection[IndexRow], resource: Mapping[str, object]) -> str:
        """Return the label of a ``resource`` of the type ``entry``, of which the index has ``rows``; "" when it is unknown."""
        if self.classified.has(resource):
            return self.special
        coded = self.coded.get(entry.name)
        if coded is None:
            return self.of_type(entry)
        keys = {key(entry.name, coded.param, code) for code in coded.codes}
        systems = {key(system) for system in coded.systems}
        return coded.label if any(row.key in keys and row.high in systems for row in rows) else self.of_type(entry)


@cache
def labels() -> Labels:
    """Return the project's own table; raises LabelsError."""
    return read((files("profiles") / "labels.toml").read_text(encoding="utf-8"))


def read(text: str) -> Labels:
    """Read the table; raises LabelsError."""
    try:
        given = tomllib.loads(text)
        systems = given["coded"]["systems"]
        codes = tuple(dict.fromkeys(code for each in systems.values() for code in each))
        label, parameters = given["coded"]["label"], given["coded"]["parameters"]
        categories = dict(given["categories"])
        classified_ = classified.read(given.get("classified", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelsError(f"labels.toml: {error}") from error
    if unknown := sorted({label, *categories.values()} - set(LABELS)):
        raise LabelsError(f"labels.toml: unknown label {', '.join(unknown)}")
    coded = {type_: Coded(param, codes, tuple(systems), label) for type_, param in parameters.items()} if codes else {}
    return Labels(categories, coded, classified_, label)
