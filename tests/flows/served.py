"""``fhir-server serve`` as a real process with an empty store, to be started, killed and started again."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flows import copies
from flows.client import Client, clean, cli, free_port, wait_for


@dataclass
class Served:
    """A hub whose data lies in ``folder``; ``settings`` are environment variables. Its tokens stay valid across restarts."""

    folder: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: copies.Copy | None = None

    @property
    def environment(self) -> dict[str, str]:
        own = {"FHIR_SERVER_DATA_DIR": str(self.folder / "data"), "FHIR_SERVER_PORT": str(self.port)}
        return {"FHIR_SERVER_REFERENTIAL_INTEGRITY": "off", **own, **self.settings}

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def start(self) -> None:
        self.process = copies.start(["serve"], clean() | self.environment, self.log)
        wait_for(self.process, self.port, self.log)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)
        self.process = None

    def token(self, role: str = "system", reference: str = "Device/test") -> str:
        done = cli("token", "--as", reference, "--role", role, "--ttl", "36000", **self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def client(self) -> Client:
        return Client(self.port, self.token())


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[Served]:
    """Serve until the block ends."""
    hub = Served(folder, settings)
    hub.start()
    try:
        yield hub
    finally:
        if hub.process is not None:
            hub.end()
