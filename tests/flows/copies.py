"""``fhir-server`` as a process of its own that is there at once: a copy of one that has imported everything.

Importing the server costs seconds of processor time, a copy of a process that has done so costs milliseconds. Run as a program
this module imports the server and copies itself as asked, one line of JSON on stdin for each copy; what a copy runs is what
``python -m fhir_server`` runs. Imported it is how tests ask for one: ``start(words, environment, out, err)``.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


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


def start(words: Sequence[str], environment: Mapping[str, str], out: Path, err: Path | None = None, *, soon: float = 0.25) -> Copy:
    """Run ``fhir-server`` with ``words`` in exactly ``environment``, adding what it prints to ``out`` (its errors to ``err``).

    ``soon``: seconds until what was recorded is in the table of the record, for which tests would wait again and again.
    """
    asked = {
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


def _become(asked: dict[str, Any]) -> int:
    """Be ``fhir-server`` from now on; return its exit status."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    for number, path in enumerate(("/dev/null", asked["out"], asked["err"])):
        opened = os.open(path, os.O_APPEND | os.O_CREAT | (os.O_WRONLY if number else os.O_RDONLY), 0o644)
        os.dup2(opened, number)
        os.close(opened)
    projection._SOON = asked["soon"]
    sys.argv = ["fhir-server", *asked["words"]]
    return main()


def _run(asked: dict[str, Any]) -> None:
    """Be ``fhir-server`` and end with its exit status, without taking apart what was imported: it costs as much as a command."""
    status = 1
    try:
        status = _become(asked)
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
                _run(asked)
            running.add(answer)
        os.write(1, b"%d\n" % answer)
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())  # where ``python -m`` looks first
    from fhir_server.cli import main
    from fhir_server.storage.journal import projection

    sys.exit(_serve())
