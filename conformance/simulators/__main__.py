"""``python -m conformance.simulators gp|homecare|pharmacy|pgo --port N``: run one simulated source system, or a PGO."""

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from aiohttp import web

from conformance.simulators.decode import UnusableData
from conformance.simulators.faults import FAULTS, UnknownFault, fault
from conformance.simulators.gp import GpSystem
from conformance.simulators.homecare import HomecareSystem
from conformance.simulators.pgo_server import pgo_application
from conformance.simulators.pharmacy import PharmacySystem
from conformance.simulators.server import System, application, serve

Made = Callable[[Sequence[Path], Callable[[], datetime], str], System]
SYSTEMS: dict[str, Made] = {"gp": GpSystem, "homecare": HomecareSystem, "pharmacy": PharmacySystem}
PGO = "pgo"
WRONG_USAGE = 2


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m conformance.simulators", description="Run one simulated source system, or a PGO.")
    parser.add_argument("system", help=f"what it plays: {', '.join((*SYSTEMS, PGO))}")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument("--fault", default="none", help=f"how it misbehaves: {', '.join(FAULTS)}, delay=SECONDS")
    parser.add_argument("--data", type=Path, action="append", default=[], help="TOML file about one patient; may be repeated")
    parser.add_argument("--authorization", default="", metavar="NAME", help="variable with the Authorization header that it wants")
    parser.add_argument("--demo", type=Path, default=Path("data/demo.json"), help="of a PGO: demo.json of the hub that it asks")
    parser.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    return parser.parse_args(words)


def _local_time() -> datetime:
    return datetime.now().astimezone()


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    given = _arguments(words)
    if given.system not in {*SYSTEMS, PGO}:
        return _refuse(f"no simulator {given.system!r}; there are: {', '.join((*SYSTEMS, PGO))}")
    if given.authorization and not os.environ.get(given.authorization):
        return _refuse(f"the variable {given.authorization} is empty")
    try:
        asyncio.run(serve(_application(given), given.port, parent_pipe=given.parent_pipe))
    except (UnknownFault, UnusableData) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot listen on port {given.port}: {error.strerror}")
    return 0


def _application(given: argparse.Namespace) -> web.Application:
    if given.system == PGO:
        return pgo_application(given.demo, lambda: str(uuid.uuid4()))
    how = fault(given.fault)
    system = SYSTEMS[given.system](given.data, _local_time, given.fault)
    return application(system, how, os.environ.get(given.authorization, ""))


def _refuse(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
