"""``fhir-server key rotate``, and what ``check`` says of clients and keys."""

from pathlib import Path

import pytest

from fhir_server import bootstrap
from fhir_server.cli import main
from fhir_server.oauth.ring import KeyRing


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path))
    return tmp_path


def test_rotate_makes_the_next_key_and_says_when_it_signs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "rotate"]) == 0
    kids = [key.kid for key in KeyRing(folder, bootstrap.now()).verifying]
    assert len(kids) == 2
    assert f"key {kids[1]} signs from " in capsys.readouterr().out
    assert main(["key", "rotate", "--lead", "9"]) == 0
    assert kids[1] in capsys.readouterr().out


def test_a_key_cannot_sign_before_it_is_published(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "rotate", "--lead", "0"]) == 1
    assert "--lead must be 1 second or more" in capsys.readouterr().err
    assert not (folder / "keys").exists()


def test_check_names_the_client_that_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "clients.toml").write_text('[app]\nscope = "user/*.rs"\n')
    monkeypatch.setenv("FHIR_SERVER_CLIENTS", str(folder / "clients.toml"))
    assert main(["check"]) == 1
    assert "clients: client app: redirect_uris go with the grant type authorization_code" in capsys.readouterr().out
