"""Whatever is sent: an answer within five seconds, no status 500, an OperationOutcome for each refusal, nothing repeated."""

from collections.abc import Iterator
from random import Random

import pytest
from examples import examples
from flows import fuzz, wire
from flows.served import Served, served
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = examples(300)
MEMORY = 200_000_000
"""Bytes by which the server may have grown in the end; one body may be 5 MB, and a tree of it many times that."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, list[str]]]:
    """Serve a store with something of every type in it; the tokens are those of the system and of others."""
    with served(tmp_path_factory.mktemp("fuzz"), FHIR_SERVER_ENTRIES_LIMIT="200") as running:
        client = running.client()
        for name in fuzz.KEPT:
            seed = fuzz.SEEDS[f"{name}-bare"].rstrip()[:-1] + b',"id":"s-%s"}' % name.encode()
            assert client.request("PUT", f"{name}/s-{name}", seed).status == 201
        people = [("practitioner", "Practitioner/p"), ("patient", "Patient/s-Patient"), ("operator", "Device/o")]
        yield running, [client.token, *(running.token(role, reference) for role, reference in people)]


def test_whatever_is_sent(hub: tuple[Served, list[str]]) -> None:
    server, tokens = hub
    assert server.process is not None

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**64))
    def fuzzed(seed: int) -> None:
        made = fuzz.request(Random(seed), tokens)
        assert wire.faults(made, wire.send(server.port, made)) == [], (made.method, made.target, made.body)

    before = wire.resident(server.process.pid)
    fuzzed()
    assert wire.resident(server.process.pid) - before < MEMORY
    assert fuzz.MARK not in server.log.read_text()
    assert '"unexpected"' not in server.log.read_text()
    assert server.client().get("Patient?_count=1").status == 200
