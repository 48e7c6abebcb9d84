"""The published messages and the results expected of them; a measure, not a rule, hence the floor."""

from pathlib import Path

import pytest

from adapters.contract import SourceError
from adapters.registry import load
from adapters.report import main, scores
from mappings.compare import Score

FLOOR = 97.8
EACH = 96.0


@pytest.fixture(scope="module")
def pairs(reference: Path) -> Path:
    return reference / "nictiz" / "pairs" / "med612-dispense-list_hl7v3_to_r4"


def test_the_pairs(pairs: Path) -> None:
    total = Score()
    for name, score in scores(load("pharmacy/hl7v3"), pairs):
        assert score.percentage >= EACH, name
        total.add(score)
    assert total.expected > 11_000
    assert total.percentage >= FLOOR
    assert {kind_and_path for kind_and_path in total.paths if kind_and_path[0] == "missing"} == {
        ("missing", "authorizingPrescription.display")
    }


def test_the_report(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pharmacy/hl7v3", str(pairs), "--paths"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[21].startswith("total ")
    assert len(lines) > 22


OUTCOMES = {
    "mg-basis": 1,
    "mg-invalidxml": None,
    "mg-no-id-root": 1,
    "mg-route-nocode": 1,
    "mg-sch-fout": 1,
    "mg-sch-warning": 1,
    "mg-xsd-fout": 0,
}


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_malformed_messages(reference: Path, name: str) -> None:
    payload = (reference / "nictiz" / "negative" / "med612-unhappy" / f"{name}.xml").read_bytes()
    if OUTCOMES[name] is None:
        with pytest.raises(SourceError, match="not well-formed") as caught:
            load("pharmacy/hl7v3").translate(payload)
        assert caught.value.fault == "structure"
        return
    found = load("pharmacy/hl7v3").translate(payload)
    kinds = [resource["resourceType"] for resource in found.resources]
    assert kinds.count("MedicationDispense") == OUTCOMES[name]
    assert found.about
    if name == "mg-route-nocode":
        assert "'route':" not in str(found.resources)
    if name == "mg-no-id-root":
        assert any("has no identifier" in warning for warning in found.warnings)
