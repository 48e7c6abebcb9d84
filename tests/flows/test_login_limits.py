"""Where and how often people may log in at all: each case with a server of its own."""

from pathlib import Path

import pytest
from flows.client import cli
from flows.pages import hub_with_pages
from flows.visitor import Visitor


def _database(folder: Path) -> str:
    return f"sqlite:///{folder}/hub.db"


def test_who_fails_too_often_has_to_wait(tmp_path: Path) -> None:
    with hub_with_pages(tmp_path, _database(tmp_path), LOGIN_ATTEMPTS="2") as hub:
        for _ in range(2):
            assert hub.log_in(hub.visitor(), "Practitioner/nobody").status == 401
        page = hub.log_in(hub.visitor(), "Practitioner/gp-harmsen")
        assert page.status == 429
        assert 0 < int(page.headers["retry-after"]) <= 300
        assert hub.visitor().get("/oauth/login/idp?next=").status == 429


def test_without_it_there_is_no_development_login(tmp_path: Path) -> None:
    with hub_with_pages(tmp_path, _database(tmp_path), DEVELOPMENT_LOGIN="off", LOGIN_PROVIDERS="") as hub:
        visitor: Visitor = hub.visitor()
        page = hub.ask(visitor)
        assert page.forms == []
        assert "nog geen manier" in page.text
        assert visitor.post("/oauth/login/development", {"reference": "Practitioner/gp-harmsen"}).status == 404


def test_nobody_logs_in_over_a_connection_that_others_can_read(tmp_path: Path) -> None:
    with hub_with_pages(tmp_path, _database(tmp_path), DEVELOPMENT_LOGIN="off", BASE_URL="http://hub.test/fhir") as hub:
        page = hub.visitor().get(f"/oauth/authorize?{hub.query(aud='http://hub.test/fhir')}")
        assert page.status == 403
        assert "niet beveiligd" in page.text


def test_on_https_cookies_are_tied_to_the_host(tmp_path: Path) -> None:
    with hub_with_pages(tmp_path, _database(tmp_path), DEVELOPMENT_LOGIN="off", BASE_URL="https://hub.test/fhir") as hub:
        page = hub.visitor().get(f"/oauth/authorize?{hub.query(aud='https://hub.test/fhir')}")
        assert list(page.cookies) == ["__Host-hub-login"]
        assert page.cookies["__Host-hub-login"]["secure"]


@pytest.mark.parametrize("changed", [{"HOST": "0.0.0.0"}, {"BASE_URL": "https://hub.test/fhir"}])
def test_a_development_login_that_others_could_reach_is_an_error_at_the_start(changed: dict[str, str]) -> None:
    given = {f"FHIR_SERVER_{name}": value for name, value in {**changed, "DEVELOPMENT_LOGIN": "on"}.items()}
    done = cli("serve", **given)
    assert done.returncode == 2
    assert "FHIR_SERVER_DEVELOPMENT_LOGIN=on is refused" in done.stderr
