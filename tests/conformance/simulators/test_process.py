"""The simulator as a process: how it starts, listens and ends."""

import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest
from running_simulator import ROOT, simulator


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "conformance.simulators", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def answered(port: int, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_it_answers_on_the_port_that_it_prints() -> None:
    with simulator("pharmacy") as running:
        status, body = answered(running.port, b"?")
    assert status == 500
    assert b"not well-formed" in body


def test_it_ends_when_its_parent_does() -> None:
    with simulator("pharmacy") as running:
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(10) == 0


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = (
        "import subprocess, sys; "
        "command = [sys.executable, '-m', 'conformance.simulators', 'pharmacy', '--parent-pipe']; "
        "child = subprocess.Popen(command, stdin=subprocess.PIPE); "
        "child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on ")
        process.send_signal(signal.SIGKILL)
        assert process.stdout.read() == ""


def test_it_ends_on_sigterm() -> None:
    with simulator("pharmacy") as running:
        running.process.terminate()
        assert running.process.wait(10) == 0


def test_it_listens_on_loopback_only() -> None:
    with simulator("pharmacy") as running, socket.socket() as other:
        other.bind(("127.0.0.2", running.port))
        assert other.getsockname() == ("127.0.0.2", running.port), "nobody else has the port there"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("laboratory",), "no simulator 'laboratory'; there are: gp, homecare, pharmacy"),
        (("pharmacy", "--fault", "earthquake"), "unknown fault 'earthquake'; known: none, "),
        (("pharmacy", "--fault", "delay=soon"), "unknown fault 'delay=soon'"),
        (("pharmacy", "--data", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_taken_port_is_said_in_one_line() -> None:
    with simulator("pharmacy") as running:
        done = run("pharmacy", "--port", str(running.port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"cannot listen on port {running.port}")
    assert done.stderr.count("\n") == 1


def test_it_says_nothing_about_patients(tmp_path: Path) -> None:
    log = tmp_path / "err"
    with (
        log.open("w") as err,
        subprocess.Popen(
            [sys.executable, "-m", "conformance.simulators", "pharmacy", "--parent-pipe"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1])
        answered(port, b"<a>999990019</a>")
        said, _ = process.communicate()
    assert said + log.read_text() == ""
