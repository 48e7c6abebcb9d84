"""What an answer says when a source is missing, lies, or is too slow: real simulators, stopped and replaced."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flows import copies
from flows.client import Demo, Reply, clean, demo
from flows.test_federated import COMPLETENESS, QUESTION

import conformance

DATA = Path(conformance.__path__[0]) / "simulators" / "data"
SYSTEMS = (
    ("pharmacy", "veenstra.toml"),
    ("pharmacy", "dienstapotheek.toml"),
    ("gp", "harmsen.toml"),
    ("homecare", "esdoorn.toml"),
)
GP, HOMECARE = 2, 3
MEASURED = "Observation?patient=Patient/ansje"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run a demo of its own, since its sources are stopped and replaced."""
    with demo(tmp_path_factory.mktemp("faults") / "data", FHIR_SERVER_FAN_OUT_BUDGET="2") as running:
        for source in running.facts["sources"]:
            os.kill(source["pid"], signal.SIGTERM)
        yield running


@contextmanager
def source(own: Demo, number: int, fault: str = "none") -> Iterator[None]:
    """Run the source ``number`` of the demo again, on its port, with a fault."""
    port = own.facts["sources"][number]["port"]
    system, data = SYSTEMS[number]
    words = [system, "--port", str(port), "--fault", fault, "--data", str(DATA / system / data)]
    said = own.folder / f"simulator-{number}.log"
    said.unlink(missing_ok=True)
    process = copies.start(words, clean(), said, program="simulators")
    try:
        until = time.monotonic() + 20
        while not said.exists() or not said.read_text().startswith("listening on"):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(20)


def issues(reply: Reply) -> list[tuple[str, str]]:
    outcome = reply.json if reply.json["resourceType"] == "OperationOutcome" else reply.resources[0]
    return [(issue["code"], issue["details"].get("coding", [{"code": ""}])[0]["code"]) for issue in outcome["issue"]]


def test_with_one_source_missing_the_answer_says_so(own: Demo) -> None:
    with source(own, 0):
        reply = own.as_("gp").get(QUESTION)
    assert (reply.status, reply.headers[COMPLETENESS]) == (200, "partial")
    assert reply.json["entry"][0]["search"]["mode"] == "outcome"
    assert issues(reply) == [("incomplete", ""), ("exception", "source-unreachable")]
    assert "total" not in reply.json
    assert len(reply.ids()) == 6
    count = own.as_("gp").get(f"{QUESTION}&_summary=count")
    assert count.json.get("total") in {None, 7}


def test_with_every_source_missing_the_search_fails(own: Demo) -> None:
    reply = own.as_("gp").get(QUESTION)
    assert (reply.status, reply.headers[COMPLETENESS]) == (502, "none")
    assert reply.json["resourceType"] == "OperationOutcome"


def test_with_every_source_too_late_it_times_out(own: Demo) -> None:
    with source(own, 0, "delay=4"), source(own, 1, "delay=4"):
        reply = own.as_("gp").get(QUESTION)
    assert (reply.status, reply.headers[COMPLETENESS]) == (504, "none")
    assert {code for code, _ in issues(reply)} == {"timeout"}


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("delay=4", "source-timeout"),
        ("slow-drip", "source-timeout"),
        ("http500", "source-unreachable"),
        ("garbage", "mapping-failed"),
        ("close", "source-unreachable"),
        ("empty", "mapping-failed"),
        ("wrong-patient", "wrong-patient"),
    ],
)
def test_a_source_that_misbehaves_costs_only_itself(own: Demo, fault: str, detail: str) -> None:
    with source(own, 0, fault), source(own, 1):
        reply = own.as_("gp").get(QUESTION)
    assert (reply.status, reply.headers[COMPLETENESS]) == (200, "partial")
    assert issues(reply)[1][1] == detail
    assert len(reply.ids()) == 1
    assert b"KANARIE-VAN-EEN-ANDER" not in reply.body


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("delay=4", "source-timeout"),
        ("slow-drip", "source-timeout"),
        ("http401", "source-refused"),
        ("http429", "source-throttled"),
        ("http500", "source-unreachable"),
        ("redirect", "source-unreachable"),
        ("close", "source-unreachable"),
        ("garbage", "mapping-failed"),
        ("html", "mapping-failed"),
        ("empty", "mapping-failed"),
        ("half-json", "mapping-failed"),
        ("outcome-200", "source-unreachable"),
        ("endless-next", "source-too-large"),
        ("next-elsewhere", "mapping-failed"),
        ("lying-self", "wrong-patient"),
        ("wrong-patient", "wrong-patient"),
        ("narrower-self", "source-not-supported"),
        ("ignores-patient", "source-not-supported"),
    ],
)
def test_a_source_that_speaks_fhir_and_misbehaves_costs_only_itself(own: Demo, fault: str, detail: str) -> None:
    with source(own, GP), source(own, HOMECARE, fault):
        reply = own.as_("gp").get(MEASURED)
    assert (reply.status, reply.headers[COMPLETENESS]) == (200, "partial")
    assert issues(reply)[1:] == [(issues(reply)[1][0], detail)]
    assert {each["meta"]["source"].partition("#")[0][-8:] for each in reply.resources[1:]} == {"90000382"}
    assert len(reply.ids()) == 3
    assert "total" not in reply.json
    told = reply.body.decode().replace(own.facts["base"], "")
    assert not [trace for trace in ("VAN-EEN-ANDER", "elsewhere.example", "127.0.0.1", "999990019", "esd-") if trace in told]


def test_what_a_source_did_not_apply_the_hub_does(own: Demo) -> None:
    with source(own, GP), source(own, HOMECARE, "ignores-parameters"):
        reply = own.as_("gp").get(f"{MEASURED}&code=29463-7&_sort=date")
        assert (reply.status, reply.headers[COMPLETENESS], reply.json["total"]) == (200, "complete", 3)
    with source(own, GP), source(own, HOMECARE):
        assert own.as_("gp").get(f"{MEASURED}&code=29463-7&_sort=date").ids() == reply.ids()
        assert own.as_("gp").get(f"{MEASURED}&code=29463-7&date=lt2020").ids() == []


def test_an_id_that_the_source_changed_is_unknown_and_never_another_object(own: Demo) -> None:
    with source(own, HOMECARE, "id-change"):
        goals = own.as_("gp").get("Goal?patient=Patient/ansje")
        assert (goals.status, len(goals.ids())) == (200, 1)
        assert own.as_("gp").get(goals.ids()[0]).status == 404


def test_what_is_included_is_asked_of_the_source_that_refers_to_it(own: Demo) -> None:
    with source(own, HOMECARE):  # the GP, who has Conditions too, is not there
        plans = own.as_("gp").get("CarePlan?patient=Patient/ansje&_include=CarePlan:condition&_include=CarePlan:goal")
    assert (plans.status, plans.headers[COMPLETENESS], plans.json["total"]) == (200, "complete", 1)
    assert {each.partition("/")[0] for each in plans.ids("include")} == {"Condition", "Goal"}


def test_the_simulators_end_with_the_demo(tmp_path: Path) -> None:
    with demo(tmp_path / "data", as_shipped=True) as running:
        pids = [source["pid"] for source in running.facts["sources"]]
        assert pids
        running.process.kill()
        running.process.wait(10)
        for pid in pids:
            wait_until_gone(pid)


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("a simulator outlives the demo")
