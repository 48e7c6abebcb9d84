"""Fixtures that every test may use."""

import gc
import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import sockets
from engines import database_url, in_memory, postgres_server
from examples import examples
from hypothesis import settings

__all__ = ["database_url", "postgres_server"]

ROOT = Path(__file__).resolve().parents[1]
# No deadline: how long an example takes depends on what else the machine does.
settings.register_profile("hub", deadline=None, max_examples=examples(60))
settings.load_profile("hub")
if "TMPDIR" not in os.environ:
    os.environ["TMPDIR"] = tempfile.tempdir = str(in_memory())  # the folders of tests, and of the processes that they start
GUARD = sockets.Guard()


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


# Python's own handler is replaced and put back by each run of an asyncio.Runner, which writes out the whole task meanwhile.
signal.signal(signal.SIGINT, _interrupted)
sockets.install(GUARD)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is collected, which stays to the end, out of every search for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def socket_guard(request: pytest.FixtureRequest) -> Iterator[sockets.Guard]:
    """Keep the test off the network: loopback where whole parts talk to each other or ``network_loopback`` says so."""
    GUARD.reach = sockets.reach_of(request.node.nodeid, marked=request.node.get_closest_marker("network_loopback") is not None)
    yield GUARD
    GUARD.reach = sockets.Reach.LOOPBACK


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of reference data that lies beside the checkout; skip where it is not there."""
    folder = ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("needs ../shared/reference (profiles, messages and expected results), which is not part of the project")
    return folder
