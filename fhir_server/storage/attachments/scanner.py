"""The port for a virus scanner: ``clamd.py`` is its one implementation."""

from collections.abc import AsyncIterator
from typing import Protocol


class ScannerAway(Exception):
    """The scanner does not answer, or cannot say."""


class VirusScanner(Protocol):
    """Looks through content before it is kept."""

    async def infected(self, content: AsyncIterator[bytes]) -> bool:
        """Tell whether something was found in ``content``. Raises ScannerAway."""
        ...


class NoScanner:
    """Looks at nothing: for where something else does, or nobody wants it."""

    async def infected(self, content: AsyncIterator[bytes]) -> bool:  # noqa: ARG002 - the port's signature
        """Find nothing."""
        return False
