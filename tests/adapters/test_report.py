"""What the report of an adapter says where there is nothing to compare."""

from pathlib import Path

import pytest

from adapters.report import main


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "input").mkdir()
    (tmp_path / "expected").mkdir()
    (tmp_path / "input" / "one.xml").write_text("<no-message/>", encoding="utf-8")
    return tmp_path


def test_an_unknown_adapter_is_one_line(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pharmacy/nothing", str(pairs)]) == 1
    assert capsys.readouterr().err == "adapters.report: no adapter pharmacy/nothing; `fhir-server adapter list` lists them\n"


def test_a_folder_without_pairs_is_no_hundred_percent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pharmacy/hl7v3", str(tmp_path)]) == 1
    assert f"no messages in {tmp_path}/input" in capsys.readouterr().err


def test_an_input_without_its_expectation_is_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pharmacy/hl7v3", str(pairs)]) == 1
    assert "nothing is expected of one.xml: " in capsys.readouterr().err


@pytest.mark.parametrize("expected", ["<Bundle", '<Nothing xmlns="http://hl7.org/fhir"/>'])
def test_an_expectation_that_cannot_be_read_is_named(pairs: Path, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "expected" / "one.xml").write_text(expected, encoding="utf-8")
    assert main(["pharmacy/hl7v3", str(pairs)]) == 1
    assert capsys.readouterr().err == f"adapters.report: {pairs}/expected/one.xml is no Bundle in FHIR XML\n"


def test_a_message_that_cannot_be_translated_is_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "expected" / "one.xml").write_text('<Bundle xmlns="http://hl7.org/fhir"/>', encoding="utf-8")
    assert main(["pharmacy/hl7v3", str(pairs)]) == 1
    assert f"{pairs}/input/one.xml: the answer is neither" in capsys.readouterr().err
