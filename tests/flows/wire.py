"""Requests as bytes on a socket, for what no HTTP library would send, and what must hold of every answer."""

import gzip
import json
import os
import re
import socket
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path

from flows.client import Reply
from flows.fuzz import JSON, MARK, XML, Made
from lxml import etree

PATIENCE = 5.0
"""Seconds after which a server that has not answered hangs, on a machine that has nothing else to do."""
_URI = re.compile(rb"[A-Za-z0-9%._~:/?#\[\]@!$&'()*+,;=|-]*")


def patience() -> float:
    """Return the seconds that may pass now, when others use the machine too."""
    return PATIENCE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def send(port: int, made: Made) -> Reply:
    """Send ``made`` on a connection of its own and return the answer; TimeoutError when it hangs."""
    content = made.body or b""
    headers = [("Host", "127.0.0.1"), ("Connection", "close"), *made.headers]
    if made.body is not None:
        headers.append(("Content-Length", str(len(content))))
    lines = [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers]
    head = b"\r\n".join([made.method.encode() + b" " + made.target + b" HTTP/1.1", *lines, b"", b""])
    return exchange(port, head + content, made.method)


def exchange(port: int, content: bytes, method: str = "GET") -> Reply:
    """Send bytes and read one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience()) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it had come: the answer is there
            connection.sendall(content)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        body = answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Reply(answer.status, headers, body)


def faults(made: Made, reply: Reply) -> list[str]:
    """Name what is wrong with an answer, whatever was asked."""
    found = []
    if reply.status >= 500 and reply.status != 503:  # 503: too costly
        found.append(f"status {reply.status}")
    if reply.status < 400:
        found += [] if b'"status":"500' not in reply.body else ["an entry with status 500"]
        return found
    if "x-request-id" not in reply.headers and reply.status == 400 and not _URI.fullmatch(made.target):
        return found  # no HTTP: the listener refuses it before there is a request
    if made.method == "HEAD" or not made.target.startswith(b"/fhir"):
        return found
    if MARK.encode() in reply.body:
        found.append("the error repeats what was sent")
    type_ = reply.headers.get("content-type", "").partition(";")[0]
    if type_ not in {JSON, XML} or not _is_outcome(reply.body, type_):
        found.append(f"no OperationOutcome in {type_}")
    if type_ != wanted(made, type_):
        found.append(f"{type_} was not what was asked for")
    return found


def wanted(made: Made, otherwise: str) -> str:
    """Return the format that was asked for in one clear way, ``otherwise`` where it was not."""
    accepts = [value for name, value in made.headers if name == "Accept"]
    if b"_format" in made.target or b"?" in made.target.partition(b"_format")[2] or len(accepts) != 1:
        return otherwise
    return accepts[0] if accepts[0] in {JSON, XML} else otherwise


def _is_outcome(body: bytes, type_: str) -> bool:
    try:
        if type_ == XML:
            return bool(etree.QName(etree.fromstring(body)).localname == "OperationOutcome")
        value = json.loads(body)
    except (ValueError, etree.XMLSyntaxError):
        return False
    return bool(value.get("resourceType") == "OperationOutcome" and value["issue"][0]["details"]["text"])


def resident(pid: int) -> int:
    """Return the memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
