"""A mail server on this machine that takes what it is sent, and refuses as often as it is told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast


@dataclass
class MailServer:
    """``refusals`` is how many of the next messages are refused."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    refusals: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


def _handler(server: MailServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"QUIT":
                    self.say("221 bye")
                    return
                if word == b"DATA":
                    self.take()
                else:
                    self.say("250 ok")

        def take(self) -> None:
            self.say("354 go on")
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if server.refusals:
                server.refusals -= 1
                self.say("451 later")
                return
            server.taken.append(cast("EmailMessage", message_from_bytes(b"".join(lines), policy=policy.default)))
            self.say("250 taken")

    return Handler


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve until the block ends."""
    made = MailServer()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(made)) as server:
        server.daemon_threads = True
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
