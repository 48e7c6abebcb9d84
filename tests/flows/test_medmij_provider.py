"""A client who logs in at an external provider for the door of MedMij, and comes back to it."""

import uuid
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flows.oidc_provider import Provider
from flows.pages import Hub, hub_with_pages
from flows.visitor import Page, Visitor

from fhir_server.cli import demo_medmij
from fhir_server.settings import read_settings

STATE = "".join(uuid.uuid5(uuid.NAMESPACE_DNS, str(number)).hex for number in range(63))[:2_000]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("medmij-provider")
    declared = demo_medmij.declare(read_settings({"FHIR_SERVER_DATA_DIR": str(folder)}), folder)
    with hub_with_pages(folder, f"sqlite:///{folder}/hub.db", MEDMIJ=declared.settings.medmij) as running:
        yield running


def landed(visitor: Visitor) -> Page:
    """Return the login page for a request of a PGO."""
    asked = {
        "response_type": "code",
        "client_id": demo_medmij.PGO,
        "redirect_uri": f"https://{demo_medmij.PGO}/callback",
        "scope": "netwerkdossier",
        "state": STATE,
        "MedMij-Request-ID": str(uuid.uuid4()),
        "X-Correlation-ID": str(uuid.uuid4()),
    }
    page = visitor.get(f"/medmij/authorize?{urlencode(asked)}")
    return visitor.follow(visitor.send(page.form("/authorize"), ("step", "login")))


def left(visitor: Visitor, page: Page) -> str:
    (link,) = [given["href"] for tag, given in page.tags if tag == "a" and given["href"].startswith("/oauth/login/other?")]
    return visitor.get(link).location


@pytest.fixture
def provider(door: Hub) -> Provider:
    door.provider.changed.clear()
    return door.provider


def test_a_client_comes_back_and_agrees(door: Hub, provider: Provider) -> None:
    visitor = door.visitor()
    page = landed(visitor)
    assert "Demo-PGO" in page.text
    address = left(visitor, page)
    assert dict(parse_qsl(urlsplit(address).query))["prompt"] == "login"
    provider.changed["person"] = "ansje"
    page = visitor.follow(visitor.get(f"/oauth/login/other/callback?{urlencode(provider.code(address))}"))
    assert "<h1>Toestemming geven</h1>" in page.text
    answer = visitor.send(page.form("/authorize"), ("step", "approve")).answer_of(302)
    assert answer["state"] == STATE
    assert answer["code"]


def test_who_is_no_client_is_told_so_here(door: Hub, provider: Provider) -> None:
    visitor = door.visitor()
    address = left(visitor, landed(visitor))
    provider.changed["person"] = "nobody"
    page = visitor.get(f"/oauth/login/other/callback?{urlencode(provider.code(address))}")
    assert page.status == 403
    assert "location" not in page.headers
