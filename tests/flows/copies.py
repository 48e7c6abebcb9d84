"""``fhir-server`` as a process of its own that is there at once: a copy of one that has imported everything.

Importing the server costs seconds of processor time, a copy of a process that has done so costs milliseconds. Run as a program
this module imports the server and copies itself as asked, one line of JSON on stdin for each copy; what a copy runs is what
``python -m fhir_server`` runs, or ``python -m conformance.simulators``. Imported it is how tests ask for one:
``start(words, environment, out, err)``.
"""

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn


@dataclass
class Copy:
    """A running copy, with what tests use of ``subprocess.Popen``."""

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode if self._ended(0) else None

    def wait(self, timeout: float) -> int:
        """Wait at most ``timeout`` seconds; raises TimeoutError."""
        if not self._ended(timeout):
            raise TimeoutError(f"process {self.pid} runs on after {timeout} s")
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float) -> bool:
        if self.returncode is None:
            watched = os.pidfd_open(self.pid)  # until it is asked for its status the number belongs to nobody else
            try:
                if select.select([watched], [], [], timeout)[0]:
                    self.returncode = _original().ask({"ended": self.pid})
            finally:
                os.close(watched)
        return self.returncode is not None


def start(
    words: Sequence[str],
    environment: Mapping[str, str],
    out: Path,
    err: Path | None = None,
    *,
    program: str = "fhir-server",
    soon: float = 0.25,
    as_shipped: bool = False,
) -> Copy:
    """Run ``program`` with ``words`` in exactly ``environment``, adding what it prints to ``out`` (its errors to ``err``).

    ``program``: ``fhir-server``, ``simulators``, or the text of one in Python.
    ``soon``: seconds until what was recorded is in the table of the record, for which tests would wait again and again.
    ``as_shipped``: the demo starts its simulators as processes that import everything anew, not as copies too.
    """
    asked = {
        "program": program,
        "as_shipped": as_shipped,
        "words": list(words),
        "environment": dict(environment),
        "out": str(out),
        "err": str(err or out),
        "folder": str(Path.cwd()),
        "soon": soon,
    }
    return Copy(_original().ask(asked))


class _Original:
    """The process that is copied; it ends, with its copies, when this one does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._turn = threading.Lock()

    def ask(self, what: dict[str, Any]) -> int:
        assert self._process.stdin
        assert self._process.stdout
        with self._turn:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@cache
def _original() -> _Original:
    made = _Original()
    atexit.register(made.end)
    return made


class _Simulator(subprocess.Popen[str]):
    """A simulator of the demo as a copy of the demo's process."""

    def _execute_child(self, args: Sequence[str], *others: Any) -> None:
        """Copy this process instead of starting another; the numbers are the places of the pipes in ``subprocess``."""
        assert args[:3] == [sys.executable, "-m", "conformance.simulators"], args
        stdin, _, _, stdout = others[9:13]
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # an end of the pipe of another simulator keeps that one alive
            _end_with(lambda: simulate(args[3:]))
        self._child_created = True
        os.close(stdin)
        os.close(stdout)


def _become(asked: dict[str, Any]) -> int:
    """Be the program from now on; return its exit status."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    for number, path in enumerate(("/dev/null", asked["out"], asked["err"])):
        opened = os.open(path, os.O_APPEND | os.O_CREAT | (os.O_WRONLY if number else os.O_RDONLY), 0o644)
        os.dup2(opened, number)
        os.close(opened)
    if asked["program"] == "simulators":
        return simulate(asked["words"])
    if asked["program"] != "fhir-server":
        sys.argv = ["-c", *asked["words"]]
        exec(asked["program"], {"__name__": "__main__"})
        return 0
    projection._SOON = asked["soon"]
    if not asked["as_shipped"]:
        simulators.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": _Simulator})  # type: ignore[assignment]
    sys.argv = ["fhir-server", *asked["words"]]
    return main()


def _end_with(program: Callable[[], int]) -> NoReturn:
    """Run ``program`` and end with its exit status, without taking apart what was imported: it costs as much as a command."""
    status = 1
    try:
        status = program()
    except SystemExit as ended:  # of the parser of the command line
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - printed, as at the end of any process
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined] - as the interpreter does: waits for threads, and for child processes
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _serve() -> int:
    """Copy this process for each line on stdin; in a copy return its exit status. End with the copies when stdin does."""
    running = set[int]()
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        if ended := asked.get("ended"):
            running.discard(ended)
            answer = os.waitstatus_to_exitcode(os.waitpid(ended, 0)[1])
        else:
            answer = os.fork()
            if not answer:
                _end_with(partial(_become, asked))
            running.add(answer)
        os.write(1, b"%d\n" % answer)
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())  # where ``python -m`` looks first
    from conformance.simulators.__main__ import main as simulate
    from fhir_server.catalog import catalog
    from fhir_server.cli import main, simulators
    from fhir_server.storage.journal import projection
    from fhir_server.validation import validate
    from profiles.demo import network

    catalog.load()  # with the definitions of what the demo holds, which every copy would read for itself
    for resource in network():
        validate(resource)
    gc.collect()
    gc.freeze()

    sys.exit(_serve())
