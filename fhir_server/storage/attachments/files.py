"""The port for the files of attachments: ``folder.py`` is its one implementation."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """Where a file lies: ``id`` is that of the attachment, ``salt`` what its key is made of besides the secret of the server."""

    id: str
    salt: str


class Sink(Protocol):
    """A file that is being written."""

    async def write(self, content: bytes) -> None:
        """Append ``content``. Raises OSError."""
        ...

    async def finish(self) -> None:
        """Return when all of it is durable. Raises OSError."""
        ...

    async def discard(self) -> None:
        """Remove what was written."""
        ...


class AttachmentFiles(Protocol):
    """Keeps files that can be read in any order, and that nobody can read without the secret of the server and the row."""

    async def create(self, place: Place) -> Sink:
        """Begin a file. Raises OSError, also when it is there already."""
        ...

    async def present(self, id_: str) -> bool:
        """Tell whether there is such a file."""
        ...

    def read(self, place: Place, size: int, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to ``end``, exclusive, of a file of ``size`` bytes, a little at a time.

        Raises OSError, and ValueError when the file is not what was written.
        """
        ...

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove files; those that are not there are removed already."""
        ...

    async def older(self, before: float) -> Sequence[str]:
        """Return the ids of the files that were last written before the second ``before`` (since 1970)."""
        ...
