"""The databases to measure on: made-up regions, loaded once per run by the loader of the server itself."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import orjson
import psycopg

from benchmarks.network.region import region
from benchmarks.network.scale import Scale, of_scale
from benchmarks.postgres import postgres
from fhir_server.bootstrap import open_services
from fhir_server.cli.documents import Found
from fhir_server.cli.loading import load_all
from fhir_server.interactions.services import Services
from fhir_server.settings import Settings, read_settings

ENGINES = ("sqlite", "postgresql")
_UNHINDERED = {"FHIR_SERVER_RATE_PERSON": "900000", "FHIR_SERVER_RATE_SOFTWARE": "900000"}  # counted, and never too much
_SMALL = 0.01  # ten thousand resources
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Database:
    """A loaded database; ``raw`` is the JSON that is in it, in bytes."""

    environment: dict[str, str]
    scale: Scale
    count: int = 0
    raw: int = 0
    seconds: float = 0.0

    @property
    def settings(self) -> Settings:
        """The settings of a server on it."""
        return read_settings(self.environment)

    def with_services(self, act: Callable[[Services], Awaitable[_Result]]) -> _Result:
        """Return what ``act`` gives for the opened parts of a server on it."""

        async def run() -> _Result:
            services = await open_services(self.settings)
            try:
                return await act(services)
            finally:
                await services.repository.close()

        return asyncio.run(run())


@dataclass
class Stage:
    """An engine with an empty database, a small one (10,000 resources), and a large one of ``scale``."""

    engine: str
    url: str
    folder: Path
    scale: float
    _names: list[str] = field(default_factory=list)

    def empty(self, name: str) -> dict[str, str]:
        """Return the settings of a new database."""
        environment = {"FHIR_SERVER_DATA_DIR": str(self.folder / name), "FHIR_SERVER_BASE_URL": "http://bench/fhir", **_UNHINDERED}
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            environment["FHIR_SERVER_DATABASE_URL"] = self.url.replace("/postgres?", f"/{name}?")
        return environment

    def copy(self, name: str, copied: str) -> dict[str, str]:
        """Return the settings of a copy of the database ``name``, which nobody has open."""
        environment = {
            "FHIR_SERVER_DATA_DIR": str(self.folder / copied),
            "FHIR_SERVER_BASE_URL": "http://bench/fhir",
            **_UNHINDERED,
        }
        shutil.copytree(self.folder / name, self.folder / copied)
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {copied} TEMPLATE {name}".encode())
            environment["FHIR_SERVER_DATABASE_URL"] = self.url.replace("/postgres?", f"/{copied}?")
        return environment

    @cached_property
    def small(self) -> Database:
        """The small region."""
        return self._loaded("small", of_scale(_SMALL))

    @cached_property
    def large(self) -> Database:
        """The large region."""
        return self._loaded("large", of_scale(self.scale))

    def _loaded(self, name: str, scale: Scale) -> Database:
        made = Database(self.empty(name), scale)
        sys.stderr.write(f"{self.engine}: loading the {name} region\n")
        begin = perf_counter()
        done = load_all(made.settings, _found(made), lambda place, issues: sys.exit(f"{place}: {issues}"), lambda _: None)
        made.seconds = perf_counter() - begin
        assert done.stored == made.count, "everything that was made up must be new and valid"
        if self.url:
            with psycopg.connect(made.settings.database, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
        sys.stderr.write(f"{self.engine}: {made.count} resources in {made.seconds:.0f} s\n")
        return made


def _found(made: Database) -> Iterator[Found]:
    for resource in region(made.scale):
        body = orjson.dumps(resource)
        made.count += 1
        made.raw += len(body)
        yield Found(f"resource {made.count}", body, len(body))


@contextmanager
def stage(engine: str, scale: float) -> Iterator[Stage | None]:
    """Give the stage of an engine, None where there is no PostgreSQL; everything is removed at the end."""
    with nullcontext("") if engine == "sqlite" else postgres() as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield None if url is None else Stage(engine, url, Path(folder), scale)
