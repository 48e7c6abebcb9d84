"""A plain HTTP client for tests, and the hub as a real process."""

import gzip
import http.client
import json
import os
import random
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from engines import migrated
from flows import copies

_PORTS = (12_000, 32_000)
_CHANCE = random.SystemRandom()  # tests that draw their cases seed the common one
JSON = "application/fhir+json"
_NOT_PROJECTED = "SELECT count(*) FROM audit_chain c JOIN audit_block b ON b.chain = c.chain AND b.number > c.projected"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [entry["resource"] for entry in self.json.get("entry", [])]

    def ids(self, mode: str = "match") -> list[str]:
        entries = self.json.get("entry", [])
        return [
            entry["resource"]["resourceType"] + "/" + entry["resource"]["id"]
            for entry in entries
            if entry["search"]["mode"] == mode
        ]

    @property
    def detail(self) -> str:
        assert self.json["resourceType"] == "OperationOutcome", self.body
        return str(self.json["issue"][0]["details"].get("coding", [{}])[0].get("code", ""))


@dataclass(frozen=True)
class Client:
    port: int
    token: str = ""

    def request(self, method: str, path: str, body: bytes | Any = None, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", JSON)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path if path.startswith("/") else f"/fhir/{path}", body, sent)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        received = {name.lower(): value for name, value in answer.getheaders()}
        if received.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return Reply(answer.status, received, content)

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, **headers)

    def search(self, type_: str, *parameters: tuple[str, str], **headers: str) -> Reply:
        return self.get(f"{type_}?" + "&".join(f"{name}={quote(value, safe=':,/|+')}" for name, value in parameters), **headers)

    def put(self, resource: Mapping[str, Any], **headers: str) -> Reply:
        return self.request("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **headers)

    def post(self, resource: Mapping[str, Any], **headers: str) -> Reply:
        return self.request("POST", str(resource["resourceType"]), resource, **headers)

    def pages(self, path: str) -> Iterator[Reply]:
        """Yield the pages of a search, following ``next`` to the end."""
        reply = self.get(path)
        while True:
            assert reply.status == 200, reply.body
            yield reply
            following = [link["url"] for link in reply.json["link"] if link["relation"] == "next"]
            if not following:
                return
            reply = self.follow(following[0])

    def follow(self, url: str) -> Reply:
        parts = urlsplit(url)
        return self.get(f"{parts.path}?{parts.query}")


@dataclass(frozen=True)
class Demo:
    """A running demo: its facts and the folder with everything it keeps."""

    facts: dict[str, Any]
    folder: Path
    process: copies.Copy
    database: str = ""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what ``statement`` finds in the database of the demo; in the record, once all of it has got there."""
        if "audit_event" in statement:
            until = time.monotonic() + 10
            while self._select(_NOT_PROJECTED) != [(0,)]:
                assert time.monotonic() < until, "the record is not projected"
                time.sleep(0.01)
        return self._select(statement)

    def recorded(self) -> int:
        """Return how many lines the record has."""
        return int(self.rows("SELECT count(*) FROM audit_event")[0][0])

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        if self.database:
            with psycopg.connect(self.database) as connection:
                return list(connection.execute(statement.encode()))
        with sqlite3.connect(f"file:{self.folder}/hub.db?mode=ro", uri=True) as database:
            return list(database.execute(statement))

    @property
    def port(self) -> int:
        port = urlsplit(self.facts["base"]).port
        assert port
        return port

    def as_(self, person: str) -> Client:
        return Client(self.port, self.facts["persons"][person]["token"])


def free_port() -> int:
    """Return a port below those that the system gives to connections: one of these could take it before the server does."""
    while True:
        port = _CHANCE.randrange(*_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def cli(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``fhir-server`` with ``words``."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        status = copies.start(words, clean() | environment, out, err).wait(60)
        return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())


def clean() -> dict[str, str]:
    """Return the environment of this process without settings of a server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FHIR_SERVER_")}


@contextmanager
def demo(folder: Path, *, as_shipped: bool = False, **environment: str) -> Iterator[Demo]:
    """Run ``fhir-server demo`` as a user would, until the block ends; ``as_shipped``: its simulators too."""
    port = free_port()
    log = folder.parent / f"{folder.name}.log"
    if not as_shipped and not (folder / "hub.db").exists():
        migrated(folder / "hub.db")
    words = ["demo", "--port", str(port), "--data-dir", str(folder)]
    process = copies.start(words, clean() | environment, log, soon=0.05, as_shipped=as_shipped)
    try:
        wait_for(process, port, log)
        facts = json.loads((folder / "demo.json").read_text())
        yield Demo(facts, folder, process, environment.get("FHIR_SERVER_DATABASE_URL", ""))
    finally:
        process.terminate()
        process.wait(20)


def wait_for(process: "copies.Copy | subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the hub ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            if Client(port).get("/health/ready").status == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the hub did not start: {log.read_text()[-2000:]}")
