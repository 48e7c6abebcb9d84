"""From settings to where the files of attachments lie, and who scans them."""

from pathlib import Path

from fhir_server.storage.attachments.clamd import Clamd
from fhir_server.storage.attachments.files import AttachmentFiles
from fhir_server.storage.attachments.folder import Folder
from fhir_server.storage.attachments.scanner import NoScanner, VirusScanner


def files_in(folder: Path, secret: bytes) -> AttachmentFiles:
    """Return the files in ``folder``, whose keys are made of ``secret``."""
    return Folder(folder, secret)


def scanner_at(address: str) -> VirusScanner:
    """Return the clamd at ``address``, or nobody for "". Raises ValueError."""
    return Clamd(address) if address else NoScanner()
