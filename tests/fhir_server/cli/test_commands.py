"""The commands as a user types them: answers on stdout, one readable line on stderr, and an exit status."""

import json
import socket
import subprocess
import sys
from argparse import Namespace
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from flows.client import clean, cli, free_port

from fhir_server import __version__
from fhir_server.cli import demo, main
from fhir_server.settings import Settings

SAMPLES = Path(__file__).resolve().parents[3] / "adapters" / "pharmacy" / "hl7v3" / "samples"


def environment(folder: Path) -> dict[str, str]:
    return {"FHIR_SERVER_DATA_DIR": str(folder / "data")}


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "fhir_server", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean())
    assert done.stdout == f"fhir-server {__version__}\n"


def test_without_a_command_it_says_which_there_are() -> None:
    done = cli()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


@pytest.mark.parametrize(
    "command", ["serve", "demo", "migrate", "load", "reindex", "token", "key", "check", "adapter", "map", "package", "terminology"]
)
def test_every_command_has_help(command: str) -> None:
    done = cli(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: fhir-server " + command in done.stdout


def test_map_run_prints_a_bundle_and_nothing_else() -> None:
    done = cli("map", "run", "pharmacy/hl7v3", str(SAMPLES / "dispense-list.xml"))
    bundle = json.loads(done.stdout)
    assert (done.returncode, done.stderr, bundle["resourceType"], bundle["type"]) == (0, "", "Bundle", "collection")
    assert "MedicationDispense" in {entry["resource"]["resourceType"] for entry in bundle["entry"]}


def test_map_run_explains_on_stderr() -> None:
    plain = cli("map", "run", "pharmacy/hl7v3", str(SAMPLES / "dispense-list.xml"))
    explained = cli("map", "run", "pharmacy/hl7v3", str(SAMPLES / "dispense-list.xml"), "--explain")
    assert explained.stdout == plain.stdout
    assert any("\t->\tMedicationDispense" in line for line in explained.stderr.splitlines())
    assert any(line.startswith("left over\t") for line in explained.stderr.splitlines())


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("map", "run", "pharmacy/nonsense", "x.xml"), 1, "no adapter pharmacy/nonsense"),
        (("map", "run", "pharmacy/hl7v3", "no-such-file.xml"), 1, "cannot read no-such-file.xml"),
        (("map", "run", "pharmacy/hl7v3", "pyproject.toml"), 1, "pyproject.toml"),
        (("load", "no-such-file.json"), 1, "cannot read no-such-file.json"),
        (("token", "--as", "Nonsense", "--role", "system"), 1, "Type/id"),
        (
            ("token", "--as", "Device/x", "--role", "system", "--scope", "openid system/*.xyz"),
            1,
            "--scope: system/*.xyz gives nothing",
        ),
        (("adapter", "check", "pharmacy/nonsense"), 1, "no adapter pharmacy/nonsense"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...], status: int, says: str) -> None:
    done = cli(*words, **environment(tmp_path))
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.parametrize(
    ("words", "command", "says"),
    [
        ((), "fhir-server", "the following arguments are required: COMMAND"),
        (("nonsense",), "fhir-server", "invalid choice: 'nonsense'"),
        (("token", "--role", "king"), "fhir-server token", "invalid choice: 'king'"),
        (("map", "run", "pharmacy/hl7v3"), "fhir-server map run", "the following arguments are required: file"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    capfd: pytest.CaptureFixture[str], words: tuple[str, ...], command: str, says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capfd.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"{command}: ")
    assert said.err.endswith(f"(see {command} --help)\n")
    assert says in said.err


@pytest.mark.network_loopback
@pytest.mark.parametrize(
    ("command", "setting", "value", "says"),
    [
        ("migrate", "DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/x", "the database cannot be opened: connection failed"),
        ("reindex", "DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/x", "the database cannot be opened: connection failed"),
        ("serve", "DATABASE_URL", "sqlite:///{}/junk", "the database cannot be opened: file is not a database"),
        ("migrate", "DATA_DIR", "{}/junk", "junk: "),
    ],
)
def test_what_the_surroundings_refuse_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    setting: str,
    value: str,
    says: str,
) -> None:
    (tmp_path / "junk").write_bytes(b"text, and no database" * 40)
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(f"FHIR_SERVER_{setting}", value.format(tmp_path))
    assert main([command]) == 1
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n"), "hidden" in said.err) == ("", 1, False)
    assert said.err.startswith("fhir-server: ")
    assert says in said.err


@pytest.mark.network_loopback
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_is_not_shared_with_another_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main([command, "--port", str(other.getsockname()[1])]) == 1
    assert "is taken; choose another one with --port" in capfd.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_setting_that_does_not_fit(tmp_path: Path) -> None:
    done = cli("check", **environment(tmp_path), FHIR_SERVER_PORT="many")
    assert (done.returncode, done.stderr) == (2, "fhir-server: FHIR_SERVER_PORT: not a number: 'many'\n")


def test_loading_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "two.ndjson"
    file.write_text('{"resourceType":"Organization","id":"a","name":"A"}\n\n{"resourceType":"Organization","id":"b","name":"B"}\n')
    for says in ("2 resources stored\n", "0 resources stored, 2 unchanged\n"):
        done = cli("load", str(file), **environment(tmp_path))
        assert (done.returncode, done.stdout) == (0, says)


def test_loading_something_invalid_names_the_element(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"resourceType":"Organization","id":"a","colour":"blue"}')
    done = cli("load", str(file), **environment(tmp_path))
    assert done.returncode == 1
    assert "Organization.colour" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_token_is_one_line(tmp_path: Path) -> None:
    done = cli("token", "--as", "Practitioner/x", "--role", "practitioner", "--patient", "ansje", **environment(tmp_path))
    assert (done.returncode, done.stderr, done.stdout.count("."), done.stdout.count("\n")) == (0, "", 2, 1)


def test_migrate_and_check(tmp_path: Path) -> None:
    assert cli("migrate", **environment(tmp_path)).stdout.startswith("database at version ")
    done = cli("check", **environment(tmp_path))
    assert done.returncode == 0
    assert all(line.endswith(": in order") for line in done.stdout.splitlines())


def test_check_finds_what_is_wrong_with_the_sources(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text("[a]\nadapter = 'pharmacy/nonsense'\nendpoint = 'http://127.0.0.1:1/'\norganisation = { ura = '90000001' }\n")
    done = cli("check", **environment(tmp_path), FHIR_SERVER_SOURCES=str(file))
    assert done.returncode == 1
    assert "pharmacy/nonsense" in done.stdout


def test_check_finds_what_is_wrong_with_the_issuers(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    keys = {"issuer": "https://a.test", "jwks_uri": "http://a.test/jwks", "role": "operator", "holder.operator": "Device/a"}
    file.write_text("\n".join(["[a]", *(f"{name} = '{value}'" for name, value in keys.items())]))
    done = cli("check", **environment(tmp_path), FHIR_SERVER_ISSUERS=str(file))
    assert done.returncode == 1
    assert f"issuers: {file}: [a] jwks_uri must be an https URL" in done.stdout


@pytest.mark.network_loopback
@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("setting", ["HOLDER_CONSENTS", "CLIENTS", "LOGIN_PROVIDERS", "ISSUERS"])
def test_a_server_does_not_start_with_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str, setting: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[unfinished")
    for name, value in {**environment(tmp_path), f"FHIR_SERVER_{setting}": str(file), "FHIR_SERVER_PORT": free_port()}.items():
        monkeypatch.setenv(name, str(value))
    assert main([command]) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert str(file) in said.err
    assert not (tmp_path / "data").exists()


@pytest.mark.network_loopback
def test_the_demo_leaves_the_sources_of_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    file = tmp_path / "sources.toml"
    file.write_text("mine")
    settings = replace(Settings(), data_dir=tmp_path / "data", port=free_port(), sources=str(file))
    monkeypatch.setattr(demo, "serve", served.append)
    monkeypatch.setattr(demo, "simulators", lambda: nullcontext(()))
    monkeypatch.setattr(demo, "load_resources", lambda *_: None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    demo.run(Namespace(), settings)
    assert file.read_text() == "mine"
    assert [each.sources for each in served] == [str(tmp_path / "data" / "sources.toml")]
