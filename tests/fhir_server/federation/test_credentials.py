"""Where the secret for a source comes from."""

from pathlib import Path

import pytest
from fake_sources import declared

from fhir_server.federation.credentials import authorization
from fhir_server.federation.sources import InvalidSources


def test_a_source_without_credentials_gets_none() -> None:
    assert authorization(declared(), {"LINDE": "Bearer x"}) == ""


def test_a_variable_of_the_environment_holds_the_header() -> None:
    assert authorization(declared(credentials="env:LINDE"), {"LINDE": "Bearer x\n"}) == "Bearer x"


def test_a_file_holds_the_header(tmp_path: Path) -> None:
    secret = tmp_path / "linde"
    secret.write_text("Basic eDp5\n")
    assert authorization(declared(credentials=f"file:{secret}"), {}) == "Basic eDp5"


@pytest.mark.parametrize("reference", ["env:NOWHERE", "env:EMPTY", "file:/nowhere/at/all", "Bearer x", "vault:linde"])
def test_a_missing_secret_is_an_error_that_does_not_tell_the_reference(reference: str) -> None:
    with pytest.raises(InvalidSources, match=r"\[linde\] credentials must be env:NAME or file:PATH") as error:
        authorization(declared(credentials=reference), {"EMPTY": " "})
    assert "Bearer" not in str(error.value)
