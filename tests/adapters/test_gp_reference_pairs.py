"""The published messages of GP systems and what is expected of them; a measure, not a rule, hence the floors."""

from pathlib import Path

import pytest
from gp_scores import NOT_TRANSLATED, scores

from adapters.contract import SourceError
from adapters.registry import load
from fhir_server.validation import validate
from mappings.compare import Score

FLOOR = 89.5
EACH = 75.0
SUMMARY = 93.0
FOLDERS = ("gp-professional-summary_hl7v3_to_stu3", "gp-ketenzorg302_hl7v3_to_stu3")


@pytest.fixture(scope="module")
def folders(reference: Path) -> list[Path]:
    return [reference / "nictiz" / "pairs" / name for name in FOLDERS]


def test_the_pairs(folders: list[Path]) -> None:
    found = dict(score for folder in folders for score in scores(folder))
    total = Score()
    for name, score in found.items():
        assert score.percentage >= EACH, name
        total.add(score)
    assert len(found) == 11
    assert total.expected > 2_300
    assert total.percentage >= FLOOR
    assert found["QUPC_IN990002NL_01"].percentage >= SUMMARY


def test_what_becomes_of_them_is_valid(folders: list[Path]) -> None:
    for message in (path for folder in folders for path in (folder / "input").glob("*.xml")):
        if message.stem in NOT_TRANSLATED:
            with pytest.raises(SourceError, match="nor a batch of them"):
                load("gp/hl7v3").translate(message.read_bytes())
            continue
        for resource in load("gp/hl7v3").translate(message.read_bytes()).resources:
            assert validate(resource) == [], (message.stem, resource["resourceType"])
