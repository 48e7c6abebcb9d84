"""The register of holders that a file stands for, and what its answers do to a question."""

import asyncio
from pathlib import Path

import pytest

from fhir_server.federation.holder import InvalidHolderConsents, Question, StatedConsent, code_of, read

URA = "http://fhir.nl/fhir/NamingSystem/ura"
ASKED = Question(((URA, "90000383"),), "GGC013", ("types|J8",), "TREAT")
STATED = f"""
[[statement]]
holder = "{URA}|90000383"
requester = "types|J8"
verdict = "deny"

[[statement]]
purpose = "COC"
verdict = "unavailable"
"""


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (ASKED, "deny"),
        (Question(((URA, "90000384"),), "GGC013", ("types|J8",), "TREAT"), "permit"),
        (Question(ASKED.holder, "GGC013", ("types|Z3",), "TREAT"), "permit"),
        (Question(ASKED.holder, "GGC002", ("types|Z3",), "COC"), "unavailable"),
    ],
)
def test_the_first_statement_that_fits_answers(tmp_path: Path, asked: Question, verdict: str) -> None:
    file = tmp_path / "holders.toml"
    file.write_text(STATED, encoding="utf-8")
    assert asyncio.run(read(file).ask(asked)) == verdict


@pytest.mark.parametrize(
    "text", ["[[statement]]", "[[statement]]\nverdict = 'perhaps'", "[[statement]]\nwho = 'x'", "statement = 1", "="]
)
def test_what_is_no_statement_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "holders.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidHolderConsents, match=r"holders\.toml"):
        read(file)


def test_nothing_stated_permits() -> None:
    assert asyncio.run(StatedConsent(()).ask(ASKED)) == "permit"


def test_the_code_of_a_category() -> None:
    assert [code_of([f"urn:x|{each}"]) for each in ("MedicationUse", "Specimen", "Condition")] == ["GGC013", "GGC012", "GGC002"]
    assert code_of([]) == "GGC002"
