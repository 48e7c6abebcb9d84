"""Every way in which a source can misbehave, by a process that does: it costs that source's answer and nothing else."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from running_simulator import simulator

from adapters import registry
from adapters.contract import Source, SourceQuery
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.hub import Federation
from fhir_server.federation.merge import Merged, merge
from fhir_server.federation.pace import Steps
from fhir_server.federation.sealed_id import Seal
from fhir_server.federation.taken import Use

URA = ("http://fhir.nl/fhir/NamingSystem/ura", "90000383")
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
CLIENT = ((BSN, "999990019"),)
STRANGER = ((BSN, "999990044"),)


@dataclass
class Hub:
    """Asks the sources at ``urls`` what they dispensed."""

    urls: tuple[str, ...]
    merged: dict[str, Merged] = field(default_factory=dict)

    def ask(self, identifiers: tuple[tuple[str, str], ...] = CLIENT, budget: float = 5.0) -> tuple[Answer, ...]:
        return asyncio.run(self._ask(identifiers, budget))

    async def _ask(self, identifiers: tuple[tuple[str, str], ...], budget: float) -> tuple[Answer, ...]:
        sources = [Source(f"source-{n}", "pharmacy/hl7v3", url, (URA,), budget=budget) for n, url in enumerate(self.urls)]
        known = {manifest.id: manifest for manifest in registry.manifests()}
        federation = Federation.of(sources, known, registry.load, Seal(bytes(32)), 8.0)
        try:
            plan = federation.plan("MedicationDispense", [URA])
            use = Use("Patient/ansje", self._merge, self._show)
            return await federation.ask(plan, SourceQuery("", identifiers, "7f3c", "2026-07-01T09:30:15+02:00"), use)
        finally:
            await federation.close()

    def _merge(self, answer: SourceAnswer) -> Steps[dict[str, Merged]]:
        return merge(answer, "Patient/ansje", CLIENT, Seal(bytes(32)))

    def _show(self, _: SourceAnswer, merged: dict[str, Merged]) -> Steps[None]:
        self.merged |= merged
        yield


@pytest.fixture(scope="module")
def honest() -> Iterator[str]:
    """Return the address of a source that behaves."""
    with simulator("pharmacy") as running:
        yield running.url


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        ("http401", "refused"),
        ("http429", "throttled"),
        ("http500", "unreachable"),
        ("soap-fault", "refused"),
        ("garbage", "structure"),
        ("html", "structure"),
        ("empty", "structure"),
        ("cut", "structure"),
        ("redirect", "unreachable"),
        ("close", "unreachable"),
        ("wrong-patient", "wrong-patient"),
        ("endless", "too-much"),
    ],
)
def test_a_source_that_misbehaves_costs_its_own_answer(honest: str, behaviour: str, fault: str) -> None:
    with simulator("pharmacy", "--fault", behaviour) as running:
        bad, good = Hub((running.url, honest)).ask()
    assert isinstance(bad, SourceFault)
    assert bad.fault == fault
    assert isinstance(good, SourceAnswer)


@pytest.mark.parametrize("behaviour", ["slow-drip", "delay=60"])
def test_a_source_that_is_too_slow_is_left(honest: str, behaviour: str) -> None:
    with simulator("pharmacy", "--fault", behaviour) as running:
        (bad,) = Hub((running.url,)).ask(budget=0.5)
    assert isinstance(bad, SourceFault)
    assert bad.fault == "timeout"
    (good,) = Hub((honest,)).ask()
    assert isinstance(good, SourceAnswer)


def test_a_source_that_died_is_unreachable() -> None:
    with simulator("pharmacy") as running:
        url = running.url
        running.process.kill()
        running.process.wait(10)
        (gone,) = Hub((url,)).ask()
    assert isinstance(gone, SourceFault)
    assert gone.fault == "unreachable"


def test_a_short_delay_is_no_fault() -> None:
    with simulator("pharmacy", "--fault", "delay=0.1") as running:
        (answer,) = Hub((running.url,)).ask()
    assert isinstance(answer, SourceAnswer)


def test_nothing_found_is_an_answer(honest: str) -> None:
    hub = Hub((honest,))
    (answer,) = hub.ask(STRANGER)
    assert isinstance(answer, SourceAnswer)
    assert hub.merged == {}


def test_a_whole_answer_becomes_resources_of_the_hub(honest: str) -> None:
    hub = Hub((honest,))
    hub.ask()
    merged = hub.merged.values()
    dispenses = [each for each in merged if each.type == "MedicationDispense"]
    assert len(dispenses) == 6
    assert all(each.resource["subject"] == {"reference": "Patient/ansje"} for each in dispenses)
    shown = str([each.resource for each in merged])
    assert "KANARIE-TABLET-7Q4Z" in shown
    references = {each.reference for each in merged}
    assert all(str(each.resource["medicationReference"]["reference"]) in references for each in dispenses)  # type: ignore[index]
    for trace in ("127.0.0.1", "999990019", "Ansje", "Veenstra"):
        assert trace not in shown


def test_a_source_that_wants_a_token_gets_it_from_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMECARE_TOKEN", "Bearer for-the-test")
    monkeypatch.setenv("ANOTHER_TOKEN", "Bearer of-somebody-else")

    async def asked(url: str, credentials: str) -> Answer:
        options = {"credentials": credentials} if credentials else {}
        source = Source("esdoorn", "homecare/fhir", f"{url}/fhir", (URA,), options=options)
        known = {manifest.id: manifest for manifest in registry.manifests()}
        federation = Federation.of([source], known, registry.load, Seal(bytes(32)), 8.0)
        try:
            query = SourceQuery("", CLIENT, "7f3c", "2026-07-01T09:30:15+02:00")
            use = Use("Patient/ansje", lambda answer: merge(answer, "Patient/ansje", CLIENT, Seal(bytes(32))), lambda *_: iter(()))
            (found,) = await federation.ask(federation.plan("Goal", [URA]), query, use)
        finally:
            await federation.close()
        return found

    with simulator("homecare", "--authorization", "HOMECARE_TOKEN") as running:
        url = f"http://127.0.0.1:{running.port}"
        good, *bad = [asyncio.run(asked(url, each)) for each in ("env:HOMECARE_TOKEN", "env:ANOTHER_TOKEN", "")]
    assert isinstance(good, SourceAnswer)
    assert [each.fault for each in bad if isinstance(each, SourceFault)] == ["refused", "refused"]
