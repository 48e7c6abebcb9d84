"""The trace of a request goes on to the sources that it asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from engines import migrated
from flows.networked import Networked, networked

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUESTION = "MedicationDispense?patient=Patient/ansje"
SOURCES = """
[{name}]
adapter = "pharmacy/hl7v3"
endpoint = "http://127.0.0.1:{port}/{name}"
organisation = {{ ura = "{ura}" }}

"""


class Heard(BaseHTTPRequestHandler):
    """A source that is out of order, and remembers who asked."""

    traces: list[list[str]]

    def do_POST(self) -> None:
        self.traces.append(self.headers.get_all("traceparent") or [])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[tuple[int, list[list[str]]]]:
    heard = type("Heard", (Heard,), {"traces": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), heard)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port, heard.traces
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Networked, list[list[str]]]]:
    folder: Path = tmp_path_factory.mktemp("trace")
    with listening() as (port, traces):
        sources = folder / "sources.toml"
        sources.write_text("".join(SOURCES.format(name=f"s{ura}", ura=ura, port=port) for ura in (90000383, 90000385)))
        with networked(folder, f"sqlite:///{migrated(folder / 'hub.db')}", SOURCES=str(sources)) as hub:
            yield hub, traces


def sent(asked: tuple[Networked, list[list[str]]], **headers: str) -> list[list[str]]:
    hub, traces = asked
    traces.clear()
    reply = hub.as_("gp").get(QUESTION, **headers)
    assert reply.headers["federation-completeness"] == "none"
    assert all(len(each) == 1 for each in traces)
    return [each[0].split("-") for each in traces]


def test_a_trace_goes_on_to_every_source_with_a_span_of_its_own(asked: tuple[Networked, list[list[str]]]) -> None:
    first = sent(asked, traceparent=f"00-{TRACE}-{SPAN}-01", tracestate="who=me")
    again = sent(asked, traceparent=f"00-{TRACE}-{SPAN}-00")
    assert {(version, trace) for version, trace, _, _ in [*first, *again]} == {("00", TRACE)}
    assert ({each[3] for each in first}, {each[3] for each in again}) == ({"01"}, {"00"})
    spans = [each[2] for each in [*first, *again]]
    assert len(first) == len(again) == 2
    assert len({*spans, SPAN}) == 5
    assert {each.trace for each in asked[0].lines("search-type") if TRACE in each.trace} == {f"{TRACE}-{SPAN}"}


def test_a_trace_that_is_none_is_replaced(asked: tuple[Networked, list[list[str]]]) -> None:
    found = sent(asked, traceparent=f"00-{'0' * 32}-{SPAN}-01")
    traces = {each[1] for each in found}
    assert len(traces) == 1
    assert traces.isdisjoint({TRACE, "0" * 32})
    assert asked[0].lines("search-type")[-1].trace.startswith(traces.pop())
