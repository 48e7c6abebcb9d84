"""The record of a database as its journal tells it, whether or not it was projected."""

from index_check import select

from fhir_server.storage.journal.line import read
from fhir_server.storage.repository import AuditRow


def lines(url: str) -> list[AuditRow]:
    """Return the lines in the journal of the database at ``url``."""
    blocks = select(url, "SELECT lines FROM audit_block ORDER BY written, chain, number")
    return [row for (block,) in blocks for row in read(bytes(block))]
