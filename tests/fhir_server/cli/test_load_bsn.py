"""Loading seals numbers as an update does, in the processes that prepare resources and in the one that writes them."""

import json
from pathlib import Path

import at_rest
import pytest
from index_check import index_faults

from fhir_server import cli
from fhir_server.cli import loading
from fhir_server.settings import read_settings

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
WRONG = "999980018"


def patient(id_: str, number: str) -> dict[str, object]:
    return {"resourceType": "Patient", "id": id_, "identifier": [{"system": BSN, "value": number}]}


@pytest.mark.parametrize("size", [4, 300], ids=["other processes", "one batch"])
def test_no_number_is_left_behind(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    numbers = list(at_rest.canaries(99998000))[:9]
    monkeypatch.setattr(loading, "BATCH", size)
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FHIR_SERVER_DATABASE_URL", database_url)
    good = [patient(f"p{at}", number) for at, number in enumerate(numbers[:8])]
    path = tmp_path / "all.ndjson"
    path.write_text("\n".join(map(json.dumps, [*good, patient("wrong", WRONG), patient(numbers[8], numbers[0]), good[0]])))
    assert cli.main(["load", "--continue-on-error", str(path)]) == 1
    path.unlink()
    said = capsys.readouterr()
    assert said.out == "8 resources stored, 1 unchanged, 2 refused\n"
    places = [("said", (said.out + said.err).encode()), *at_rest.files(tmp_path), *at_rest.rows(database_url)]
    assert at_rest.where([*numbers, WRONG], [*places, *at_rest.server_files(database_url)]) == []
    assert index_faults(database_url, read_settings({}).base) == []
