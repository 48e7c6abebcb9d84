"""The lists as this server goes by them: the newest that was good, and none that is older than what was there before.

What is wrong with a list is logged, and the last good one stays in use, for as long as it takes (core.lijsten.301): a copy of it is
kept in the data folder, so that it outlives a restart.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from fhir_server.medmij.lists.oauth_clients import OAuthClient, OAuthClients, read_oauth_clients
from fhir_server.medmij.lists.service_names import ServiceNames, read_service_names
from fhir_server.medmij.lists.whitelist import Whitelist, read_whitelist
from fhir_server.medmij.lists.xml import InvalidList, Issue

OFTEN: Final = 60_000_000
"""Microseconds after which the files are looked at again."""
_log = logging.getLogger("fhir_server.medmij")


class Listed(Protocol):
    """A list that was read."""

    @property
    def issue(self) -> Issue:
        """Which publication it is."""
        ...


Read = TypeVar("Read", bound=Listed)


class KeptList(Generic[Read]):
    """One list: the file at ``path`` as ``read`` reads it, and the ``copy`` of the last good one."""

    def __init__(self, path: Path, copy: Path, read: Callable[[bytes], Read]) -> None:
        """Read the copy and the file; raises InvalidList when neither can be used."""
        self._path, self._copy, self._read = path, copy, read
        self._seen: tuple[int, int] | None = None
        self._current: Read | None = self._of_copy()
        self.look()
        if self._current is None:
            raise InvalidList(f"{path}: this list cannot be used, and there is no earlier one")

    @property
    def current(self) -> Read:
        """The list to go by."""
        assert self._current is not None
        return self._current

    def look(self) -> None:
        """Take the file if it has changed, is good, and is no older than the current one."""
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_size) == self._seen:
                return
            content = self._path.read_bytes()
            self._take(content)
            self._seen = found.st_mtime_ns, found.st_size
        except (OSError, InvalidList) as error:
            _log.error("a list of MedMij is not used", extra={"list": str(self._path), "why": str(error)})

    def _take(self, content: bytes) -> None:
        new = self._read(content)
        if self._current is not None:
            require_later(new.issue, self._current.issue)
        self._keep(content)
        self._current = new

    def _keep(self, content: bytes) -> None:
        self._copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._copy.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(content)
        fresh.replace(self._copy)

    def _of_copy(self) -> Read | None:
        try:
            return self._read(self._copy.read_bytes())
        except (OSError, InvalidList):
            return None


def require_later(new: Issue, current: Issue) -> None:
    """Raise InvalidList when ``new`` is of before ``current``: neither its number nor its time may go back."""
    if new.number < current.number:
        raise InvalidList(f"its Volgnummer {new.number} is lower than {current.number}, of the list that is in use")
    if new.stamp < current.stamp:
        raise InvalidList("its Tijdstempel is earlier than that of the list that is in use")


class Lists:
    """The three lists that the door goes by."""

    def __init__(self, paths: Mapping[str, Path], folder: Path) -> None:
        """Read them; copies are kept in ``folder``. Raises InvalidList."""
        self._clients: KeptList[OAuthClients] = _kept(paths, folder, "oauth_clients", read_oauth_clients)
        self._whitelist: KeptList[Whitelist] = _kept(paths, folder, "whitelist", read_whitelist)
        self._names: KeptList[ServiceNames] = _kept(paths, folder, "services", read_service_names)
        self._looked = 0

    async def refresh(self, now: int) -> None:
        """Look whether there are newer lists, once a minute at most; ``now`` is in microseconds."""
        if now - self._looked < OFTEN:
            return
        self._looked = now
        for each in (self._clients, self._whitelist, self._names):
            await asyncio.to_thread(each.look)

    def client(self, host: str) -> OAuthClient | None:
        """Return the PGO at ``host`` when it stands on both lists, None for any other; capitals do not matter."""
        name = host.lower()
        return self._clients.current.clients.get(name) if name in self._whitelist.current.hosts else None

    def name(self, service: str) -> str:
        """Return the name of a data service for people, "" where the list has none."""
        return self._names.current.names.get(service, "")


def require_lists(paths: Mapping[str, Path], folder: Path) -> None:
    """Raise InvalidList where neither a list nor the copy of it in ``folder`` can be used; nothing is written."""
    for name, read in _READ.items():
        try:
            read((folder / f"{name}.xml").read_bytes())
        except (OSError, InvalidList):
            _require(paths[name], read)


def _require(path: Path, read: Callable[[bytes], Listed]) -> None:
    try:
        read(path.read_bytes())
    except (OSError, InvalidList) as error:
        raise InvalidList(f"{path}: {error}") from error


_READ: Final[Mapping[str, Callable[[bytes], Listed]]] = {
    "oauth_clients": read_oauth_clients,
    "whitelist": read_whitelist,
    "services": read_service_names,
}


def _kept(paths: Mapping[str, Path], folder: Path, name: str, read: Callable[[bytes], Read]) -> KeptList[Read]:
    return KeptList(paths[name], folder / f"{name}.xml", read)
