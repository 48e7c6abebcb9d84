"""A record that is kept as the hub keeps it, in a database of a test's own."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from invented import LINE, Thing, created, grant

from fhir_server.audit.keeper import Keeper
from fhir_server.audit.retention import DAY, LEAST
from fhir_server.audit.verify import Broken, Sound
from fhir_server.oauth.anchor import opened, signed
from fhir_server.oauth.jwk import SigningKey
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex.database import Transaction
from fhir_server.storage.reindex.open import open_index

KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))
Change = Callable[[Transaction], Any]


class Kept:
    """A database with a record, and who keeps it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.now = 10 * DAY
        self.file = folder / "audit" / "anchors.jws"

    @property
    def keeper(self) -> Keeper:
        return Keeper(partial(signed, KEY), partial(opened, KEY.verifying), self.file, lambda: self.now, LEAST)

    def record(self, *recorded: int, crash: bool = False) -> None:
        """Record reads one after the other, and then a write with its line; a ``crash`` leaves them unprojected."""

        async def run() -> None:
            repository = await open_repository(self.url)
            for moment in recorded:
                await repository.record(LINE._replace(recorded=moment, request=f"r{moment}"))
            await repository.commit([grant()], [created(Thing(f"t{recorded[0]}"))], [LINE._replace(recorded=recorded[-1]), LINE])
            if not crash:
                await repository.close()

        asyncio.run(run())

    def anchor(self) -> None:
        with closing(open_index(self.url, write=True)) as database:
            assert self.keeper.anchor(database)

    def verify(self, witness: Path | None = None) -> Sound:
        with closing(open_index(self.url, write=False)) as database:
            return self.keeper.verify(database, lambda _done, _total: None, witness)

    def change(self, change: Change) -> None:
        with closing(open_index(self.url, write=True)) as database:
            database.write(change)

    def faults(self, change: Change) -> str:
        """Return what ``verify`` says of the record after ``change``."""
        self.change(change)
        with pytest.raises(Broken) as found:
            self.verify()
        return str(found.value)
