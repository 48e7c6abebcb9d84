"""What the rules of a profile ask of all the rest."""

from typing import Protocol

from fhir_server.validation.packaged.codes import Codes
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.snapshot import Snapshots


class Judge(Protocol):
    """What rules ask of the rest: other profiles, and codes."""

    snapshots: Snapshots
    codes: Codes

    def conforms(self, item: Item, url: str, look: Look) -> bool | None:
        """Tell whether ``item`` conforms to a profile, without a word; None where that profile is not known."""

    def judge(self, item: Item, url: str, look: Look) -> None:
        """Note how ``item`` deviates from a profile, or that it is not known."""

    def type_of(self, url: str) -> str:
        """Return the type that a profile is of, "" where it is not known."""
