from pathlib import Path

import pytest

from fhir_server.settings import SettingsError, describe, read_settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_defaults() -> None:
    settings = read_settings({})
    assert (settings.base, settings.database) == ("http://127.0.0.1:8000/fhir", "sqlite:///data/hub.db")


def test_command_line_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text("port = 1\nworkers = 1\nlog_level = 'debug'\nfan_out_budget = 2.5\n")
    settings = read_settings(
        {"FHIR_SERVER_CONFIG": str(file), "FHIR_SERVER_PORT": "2", "FHIR_SERVER_HOST": "::1"}, {"host": "127.0.0.2"}
    )
    assert (settings.port, settings.host, settings.log_level, settings.fan_out_budget) == (2, "127.0.0.2", "debug", 2.5)


def test_the_base_of_an_address_of_six_parts() -> None:
    settings = read_settings({"FHIR_SERVER_HOST": "::1", "FHIR_SERVER_PORT": "81", "FHIR_SERVER_AUTH": "off"})
    assert (settings.base, settings.on_loopback) == ("http://[::1]:81/fhir", True)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"FHIR_SERVER_PORT": "many"}, "FHIR_SERVER_PORT"),
        ({"FHIR_SERVER_PORT": "0"}, "1 to 65535"),
        ({"FHIR_SERVER_PORT": "65536"}, "1 to 65535"),
        ({"FHIR_SERVER_BODY_LIMIT": "-1"}, "FHIR_SERVER_BODY_LIMIT: must be more than 0"),
        ({"FHIR_SERVER_FAN_OUT_BUDGET": "nan"}, "FHIR_SERVER_FAN_OUT_BUDGET: must be more than 0"),
        ({"FHIR_SERVER_SUBSCRIPTION_TIMEOUT": "20.5"}, "more than 0 and at most 20, not 20.5"),
        ({"FHIR_SERVER_AUDIT_RETENTION_DAYS": "1095"}, "AUDIT_RETENTION_DAYS: must be 1096 or more"),
        ({"FHIR_SERVER_RATE_PERSON": "-0.5"}, "RATE_PERSON: must be 0 to"),
        ({"FHIR_SERVER_SUBSCRIPTION_WINDOW": "inf"}, "SUBSCRIPTION_RETENTION"),
        ({"FHIR_SERVER_OZO_STRICT": "maybe"}, "must be true or false"),
        ({"FHIR_SERVER_AUTH": "off", "FHIR_SERVER_HOST": "127.0.0.1.example"}, "127.0.0.1 only"),
        ({"FHIR_SERVER_BASE_URL": "http://x/other"}, "FHIR_SERVER_BASE_URL"),
        ({"FHIR_SERVER_AUTH": "maybe"}, "FHIR_SERVER_AUTH"),
        ({"FHIR_SERVER_TOKEN_LIFETIME": "901"}, "60 to 900"),
        ({"FHIR_SERVER_AUTH": "off", "FHIR_SERVER_HOST": "0.0.0.0"}, "127.0.0.1 only"),
        ({"FHIR_SERVER_WORKERS": "2"}, "one writer"),
        ({"FHIR_SERVER_WORKERS": "0"}, "FHIR_SERVER_WORKERS"),
        ({"FHIR_SERVER_DATABASE_URL": "mysql://x"}, "sqlite:/// or postgresql://"),
        ({"FHIR_SERVER_DATABASE_URL": "sqlite:///"}, "must name a file"),
        ({"FHIR_SERVER_LOG_LEVEL": "loud"}, "FHIR_SERVER_LOG_LEVEL"),
        ({"FHIR_SERVER_REFERENTIAL_INTEGRITY": "maybe"}, "FHIR_SERVER_REFERENTIAL_INTEGRITY"),
        ({"FHIR_SERVER_CORS_ORIGINS": "*"}, "no origin"),
        ({"FHIR_SERVER_CORS_ORIGINS": "https://app.example, null"}, "'null' is no origin"),
        ({"FHIR_SERVER_CORS_ORIGINS": "https://app.example/"}, "no origin"),
        ({"FHIR_SERVER_CORS_ORIGINS": "https://app.example:443"}, "no origin"),
        ({"FHIR_SERVER_CORS_ORIGINS": "https://App.example"}, "no origin"),
        ({"FHIR_SERVER_CORS_ORIGINS": "http://app.example"}, "must be https"),
        ({"FHIR_SERVER_DPOP_NONCE": "maybe"}, "FHIR_SERVER_DPOP_NONCE"),
        ({"FHIR_SERVER_DPOP_NONCE_PERIOD": "0"}, "must be 1 or more"),
        ({"FHIR_SERVER_CONFIG": "/no/such/file"}, "cannot read"),
        ({"FHIR_SERVER_OZO_STRCT": "true"}, r"^unknown setting FHIR_SERVER_OZO_STRCT \(did you mean FHIR_SERVER_OZO_STRICT\?\)"),
        ({"FHIR_SERVER_CONFIGS": ""}, r"FHIR_SERVER_CONFIGS \(did you mean FHIR_SERVER_CONFIG\?\)"),
        ({"FHIR_SERVER_Z": "", "FHIR_SERVER_PORTS": "1"}, r"FHIR_SERVER_PORTS \(did you mean FHIR_SERVER_PORT\?\), FHIR_SERVER_Z"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(environment: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings(environment)


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text("colour = 'blue'\n")
    with pytest.raises(SettingsError, match="colour"):
        read_settings({"FHIR_SERVER_CONFIG": str(file)})


def test_the_page_on_settings_is_up_to_date() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == describe(), "run make docs"
