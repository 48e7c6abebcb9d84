"""What the interactions on attachments share: where files lie, who scans them, and what is allowed."""

from dataclasses import dataclass
from typing import Final

from fhir_server.storage.attachments.files import AttachmentFiles
from fhir_server.storage.attachments.scanner import VirusScanner

FOLDER: Final = "attachments"
"""The part of an attachment's address below the base."""
_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Attachments:
    """``limit`` is the largest file in bytes, ``seconds`` what a body may take, ``hours`` how long a file waits for its message.

    ``waiting`` and ``waiting_size`` are how many files, and bytes, of one person may do so at a time.
    """

    files: AttachmentFiles
    scanner: VirusScanner
    limit: int = 50_000_000
    seconds: float = 300.0
    hours: float = 24.0
    waiting: int = 50
    waiting_size: int = 250_000_000

    def expires(self, now: int) -> int:
        """Return when a file that came at ``now`` is removed unless a message claims it (microseconds)."""
        return now + int(self.hours * _HOUR)
