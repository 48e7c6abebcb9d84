import shutil
from importlib.resources import files
from pathlib import Path
from typing import Never

import pytest

from adapters import checker, registry
from adapters.quality import TIERS, QualityError, read_quality
from mappings.rows import RowError

ADAPTER = "pharmacy/hl7v3"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the adapter's folder, which the checker then looks at."""
    folder = tmp_path / "hl7v3"
    shutil.copytree(Path(str(files("adapters.pharmacy.hl7v3"))), folder)
    monkeypatch.setattr(registry, "folder", lambda _adapter: folder)
    return folder


def texts(severity: str = "error") -> list[str]:
    return [finding.text for finding in checker.check(ADAPTER) if finding.severity == severity]


def test_the_own_adapter_has_no_errors_and_every_row_is_exercised() -> None:
    assert texts() == []
    assert [text for text in texts("warning") if "row" in text] == []


def test_check_all_covers_every_adapter() -> None:
    assert {finding.adapter for finding in checker.check_all()} <= set(registry.adapter_ids())


def test_a_missing_or_silent_readme(copied: Path) -> None:
    (copied / "README.md").write_text("about `sender_ura`")
    assert any("does not name the version 6.12" in text for text in texts())
    assert any("does not explain the option query_interaction" in text for text in texts())
    (copied / "README.md").unlink()
    assert "README.md is missing" in texts()


def test_samples(copied: Path) -> None:
    (copied / "samples" / "refused-wrongly.xml").write_bytes((copied / "samples" / "nothing-found.xml").read_bytes())
    (copied / "samples" / "broken.xml").write_text("<no/>")
    (copied / "samples" / "dispense-list.xml").unlink()
    errors = texts()
    assert "samples/refused-wrongly.xml should be refused" in errors
    assert any(text.startswith("samples/broken.xml: ") for text in errors)
    assert "no sample uses the row dispense-cycle" in texts("warning")
    shutil.rmtree(copied / "samples")
    assert "there are no samples" in texts()


def test_quality(copied: Path) -> None:
    file = copied / "quality.toml"
    good = file.read_text()
    file.write_text(good.replace('tier = "silver"', 'tier = "gold"'))
    assert "claims gold, but profiles-valid is still to do" in texts()
    file.unlink()
    assert "quality.toml is missing" in texts()


def test_wrong_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> Never:
        raise RowError(["Patient.csv:3: wrong"])

    monkeypatch.setattr("mappings.hl7v3.tables", wrong)
    assert "Patient.csv:3: wrong" in texts()


def quality(**changes: str) -> str:
    rules = {rule: '"done"' for names in TIERS.values() for rule in names} | changes
    return 'tier = "bronze"\n[rules]\n' + "\n".join(f"{rule} = {value}" for rule, value in rules.items())


def test_reading_quality() -> None:
    found = read_quality(quality(replay='{ status = "todo", reason = "later" }', owner='{ status = "todo", reason = "who?" }'))
    assert found.todo == {"replay": "later", "owner": "who?"}
    assert found.missing() == ["owner"]


@pytest.mark.parametrize(
    "text",
    [
        quality().replace("bronze", "iron"),
        quality(more='"done"'),
        quality(replay='"soon"'),
        quality(replay='{ status = "todo" }'),
        "tier =",
    ],
)
def test_bad_quality(text: str) -> None:
    with pytest.raises(QualityError, match=r"quality\.toml: "):
        read_quality(text)
