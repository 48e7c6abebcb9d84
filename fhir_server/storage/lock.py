"""One process owns a SQLite file for writing; a lock file beside it says so and dies with the process."""

import fcntl
import os
from pathlib import Path


class DatabaseInUse(RuntimeError):
    """Another process holds the database file for writing."""


def acquire(database: Path) -> int:
    """Return the descriptor of the held lock ``<database>.lock``; ``os.close`` gives it back. Raises DatabaseInUse."""
    path = database.with_name(database.name + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DatabaseInUse(
            f"database {database} is in use by another process: stop that process, or use PostgreSQL to share one database"
        ) from error
    return descriptor
