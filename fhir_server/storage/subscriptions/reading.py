"""Subscriptions as operators look at them, also while a server runs."""

from collections.abc import Sequence

from fhir_server.storage.reindex.database import IndexDatabase
from fhir_server.storage.subscriptions import statements
from fhir_server.storage.subscriptions.store import Notice, Subscribed


def every(database: IndexDatabase) -> Sequence[Subscribed]:
    """Return every subscription, by its id."""
    with database.snapshot() as at:
        return [Subscribed(*row) for row in at.stream(statements.ALL)]


def dead(database: IndexDatabase) -> Sequence[Notice]:
    """Return what could not be delivered, by subscription and number."""
    with database.snapshot() as at:
        return [Notice(*row) for row in at.stream(statements.DEAD)]
