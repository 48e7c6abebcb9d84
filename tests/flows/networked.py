"""The hub with the demo network in this process, and everybody in it with a token."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flows.authorization import Authorization, running
from flows.client import Client, Reply
from record_check import lines

from fhir_server import bootstrap
from fhir_server.interactions.services import Services
from fhir_server.settings import read_settings
from fhir_server.storage.repository import AuditRow
from profiles.demo import network, persons

Result = TypeVar("Result")
BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Networked:
    """A hub that runs; ``folder`` holds its data."""

    server: Authorization
    folder: Path

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def base(self) -> str:
        return self.server.settings.base

    @property
    def services(self) -> Services:
        assert self.server.hub._running is not None
        return self.server.hub._running.fhir._services

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.server.loop).result(20)

    def as_(self, person: str, scope: str = "", patient: str = "") -> Client:
        known = persons()[person]
        settings = self.server.settings
        token = bootstrap.token_for(
            settings, known["reference"], known["role"], ttl=3000, at=bootstrap.now(), scope=scope, patient=patient
        )
        return Client(self.port, token)

    def acting(self, reference: str, role: str) -> Client:
        """Return a client with a token for whomever."""
        return Client(self.port, bootstrap.token_for(self.server.settings, reference, role, ttl=3000, at=bootstrap.now()))

    def lines(self, interaction: str) -> list[AuditRow]:
        return [each for each in lines(self.server.settings.database) if each.interaction == interaction]


@contextmanager
def networked(folder: Path, database: str, *extra: dict[str, Any], **settings: str) -> Iterator[Networked]:
    """Serve the demo network, and ``extra``, until the block ends."""
    own = read_settings({"FHIR_SERVER_DATA_DIR": str(folder / "data"), "FHIR_SERVER_DATABASE_URL": database})
    bootstrap.load_resources(own, [*network(), *extra])
    with running(folder, database, **settings) as server:
        yield Networked(server, folder)


def form(content: bytes, media: str = "image/png", name: str = "scan.png", **fields: str) -> bytes:
    """Return a form with a file, and ``fields`` of OZO's names behind it."""
    parts = [part("fhir_attachment[file]", content, f'; filename="{name}"', media)]
    parts += [part(f"fhir_attachment[{field}]", value.encode()) for field, value in fields.items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def part(name: str, content: bytes, more: str = "", media: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
    return head.encode() + (f"Content-Type: {media}\r\n".encode() if media else b"") + b"\r\n" + content + b"\r\n"


def send(client: Client, team: str, body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Reply:
    return client.request("POST", f"clients/{team}/attachments", body, Content_Type=content_type)


def uploaded(client: Client, team: str, content: bytes, **more: str) -> str:
    """Return the address of a file that was sent."""
    reply = send(client, team, form(content, **more))
    assert (reply.status, reply.body) == (302, b""), reply.body
    return str(reply.headers["location"])


def message(sender: str, url: str, thread: str = "CommunicationRequest/thread-tablets", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [{"reference": thread, "type": "CommunicationRequest"}],
        "subject": {"reference": "Patient/ansje", "type": "Patient"},
        "sender": {"reference": sender, "type": sender.partition("/")[0]},
        "payload": [{"contentAttachment": {"contentType": "image/png", "url": url}}],
        **more,
    }
