"""Database URLs: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` and ``postgresql://user@host:port/name?host=/socket/folder``."""

from pathlib import Path

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


class UnknownDatabase(ValueError):
    """The URL names no database that this server can use."""


def sqlite_path(url: str) -> Path | None:
    """Return the file that a ``sqlite:///`` URL names, None for PostgreSQL; raises UnknownDatabase for anything else."""
    if url.startswith(_POSTGRES):
        return None
    if url.startswith(_SQLITE) and (path := url.removeprefix(_SQLITE)) and path != ":memory:":
        return Path(path)
    scheme = url.partition(":")[0]
    raise UnknownDatabase(f"database URL with scheme '{scheme}': use sqlite:///PATH or postgresql://USER@HOST/NAME")


def sqlalchemy_url(url: str) -> str:
    """Return the URL with the driver that the migrations use."""
    if sqlite_path(url) is not None:
        return url
    return "postgresql+psycopg://" + url.partition("://")[2]
