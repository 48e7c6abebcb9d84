"""A source that speaks FHIR REST: what it holds of one patient, by ``POST Type/_search``."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]


@dataclass
class Source:
    """Listens on ``port``; ``status`` is what it answers with, ``asked`` the types that it was asked for, one by one."""

    patient: Json
    holds: Sequence[Json]
    port: int = 0
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def answer(self, type_: str, form: str) -> Json:
        self.asked.append(type_)
        known = {f"{each['system']}|{each['value']}" for each in self.patient["identifier"]}
        found = (
            [each for each in self.holds if each["resourceType"] == type_]
            if known & {*parse_qs(form)["patient.identifier"]}
            else []
        )
        shown = [self.patient, *(each for each in self.holds if each["resourceType"] == "Practitioner"), *found] if found else []
        return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in shown]}


@contextmanager
def listening(source: Source) -> Iterator[Source]:
    """Serve ``source`` on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            body = json.dumps(source.answer(self.path.split("/")[-2], form)).encode()
            self.send_response(source.status)
            self.send_header("Content-Type", "application/fhir+json" if source.status < 400 else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        source.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield source
        finally:
            server.shutdown()
            thread.join(5)
