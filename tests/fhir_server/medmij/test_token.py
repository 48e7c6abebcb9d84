"""Codes and refresh tokens of MedMij in time: when they are over, by a clock that the test moves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from fastapi import Request
from opened import opened

from fhir_server import bootstrap
from fhir_server.cli import demo_medmij
from fhir_server.interactions.services import Services
from fhir_server.medmij.access_token import opened as token_in
from fhir_server.medmij.authorize.agreement import CODE_LIFETIME
from fhir_server.medmij.door import Door
from fhir_server.medmij.lists.kept import Lists
from fhir_server.medmij.parties import client_of, scope_of
from fhir_server.medmij.registry import read_registry
from fhir_server.medmij.token import IDLE, exchanged
from fhir_server.oauth import opening
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.certificate import Certificates
from fhir_server.oauth.endpoint import Exchange
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.oauth_error import OAuthError
from fhir_server.oauth.remote import Remote
from fhir_server.oauth.store import SECOND, AuthorizationCode, Granted, hashed
from fhir_server.settings import Settings, read_settings
from profiles.demo import network

BACK = f"https://{demo_medmij.PGO}/callback"
DAY = 86_400 * SECOND


@dataclass
class Room:
    """A door whose clock is ``now``."""

    door: Door
    header: bytes
    now: int

    async def code(self, *, indefinite: bool = True) -> str:
        scope = scope_of("netwerkdossier", indefinite=indefinite)
        granted = Granted(client_of(demo_medmij.PGO), "Patient/ansje", "pgo", scope, "ansje", "PATRQT", authenticated=self.now)
        code = fresh_secret()
        kept = AuthorizationCode(hashed(code), bootstrap.new_id(), granted, BACK, "", self.now + CODE_LIFETIME)
        await self.door.authority.store.put_code(kept)
        return code

    async def ask(self, **form: str) -> dict[str, Any]:
        body = urlencode({"client_id": demo_medmij.PGO, **form}).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"x-client-cert", self.header)]
        scope = {"type": "http", "method": "POST", "path": "/medmij/token", "query_string": b"", "client": ("127.0.0.1", 9)}
        exchange = Exchange(self.door.authority, "token", Request({**scope, "headers": headers}, receive))
        return await exchanged(self.door, exchange)

    async def exchange(self, code: str) -> dict[str, Any]:
        return await self.ask(grant_type="authorization_code", code=code, redirect_uri=BACK)

    async def refresh(self, token: str) -> dict[str, Any]:
        return await self.ask(grant_type="refresh_token", refresh_token=token)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("medmij")
    made = read_settings({"FHIR_SERVER_DATA_DIR": str(folder / "data")})
    bootstrap.load_resources(made, network())
    return demo_medmij.declare(made, folder).settings


def within(settings: Settings, act: Callable[[Room], Awaitable[None]]) -> None:
    async def run(services: Services) -> None:
        room = cast("Room", None)
        authority = opening.authority(settings, services, Remote(), lambda _: "127.0.0.1")
        authority = replace(authority, clock=lambda: room.now)
        registry = read_registry(Path(settings.medmij))
        desk = cast("Desk", SimpleNamespace(authority=authority))
        certificates = Certificates.of(settings.client_cert_header, settings.trusted_proxies)
        door = Door(registry, Lists(registry.lists, settings.data_dir / "kept"), services, desk, cast("Pages", None), certificates)
        room = Room(door, demo_medmij.certificate(demo_medmij.PGO).encode(), bootstrap.now())
        await act(room)

    opened(settings, run)


async def refused(asked: Awaitable[dict[str, Any]]) -> str:
    with pytest.raises(OAuthError) as error:
        await asked
    return error.value.error


def test_a_code_is_good_for_five_minutes(settings: Settings) -> None:
    async def act(room: Room) -> None:
        code = await room.code()
        room.now += CODE_LIFETIME
        assert await refused(room.exchange(code)) == "invalid_grant"
        code = await room.code()
        room.now += CODE_LIFETIME - 1
        assert (await room.exchange(code))["expires_in"] == 900

    within(settings, act)


def test_a_refresh_token_is_good_for_half_a_year_and_each_use_begins_another(settings: Settings) -> None:
    async def act(room: Room) -> None:
        given = await room.exchange(await room.code())
        for _ in range(4):  # two years in all
            room.now += IDLE - 1
            given = await room.refresh(given["refresh_token"])
        room.now += IDLE
        assert await refused(room.refresh(given["refresh_token"])) == "invalid_grant"

    within(settings, act)


def test_once_brings_none(settings: Settings) -> None:
    async def act(room: Room) -> None:
        assert "refresh_token" not in await room.exchange(await room.code(indefinite=False))

    within(settings, act)


def test_no_two_tokens_are_alike(settings: Settings) -> None:
    async def act(room: Room) -> None:
        authority: Authority = room.door.authority
        ids = iter(["same", "same", "other"])
        desk = cast("Desk", SimpleNamespace(authority=replace(authority, new_id=lambda: next(ids))))
        room = replace(room, door=replace(room.door, desk=desk))
        given = await room.exchange(await room.code())
        again = await room.refresh(given["refresh_token"])
        found = [token_in(each["access_token"], authority.ring.verifying, authority.issuer, room.now).id for each in (given, again)]
        assert [each.partition(".")[2] for each in found] == ["same", "other"]

    within(settings, act)


def test_who_is_not_here_any_more_gets_none(settings: Settings) -> None:
    async def act(room: Room) -> None:
        given = await room.exchange(await room.code())
        gone = replace(room.door.authority, standing=_left)
        room = replace(room, door=replace(room.door, desk=cast("Desk", SimpleNamespace(authority=gone))))
        assert await refused(room.refresh(given["refresh_token"])) == "invalid_grant"

    within(settings, act)


async def _left(_: str, __: int) -> Any:
    return SimpleNamespace(people=(), left=())


def test_a_provider_or_a_pgo_that_left_the_lists_gets_none(settings: Settings) -> None:
    async def act(room: Room) -> None:
        given = await room.exchange(await room.code())
        registry = room.door.registry
        without = replace(registry, providers={name: each for name, each in registry.providers.items() if name != "netwerkdossier"})
        closed = replace(room, door=replace(room.door, registry=without))
        assert await refused(closed.refresh(given["refresh_token"])) == "invalid_scope"
        kept = room.door.lists
        room.door.lists.client = lambda _host: None  # type: ignore[method-assign]
        assert kept is room.door.lists
        assert await refused(room.refresh(given["refresh_token"])) == "invalid_client"

    within(settings, act)


def test_a_pgo_gets_what_it_can_receive(settings: Settings) -> None:
    async def act(room: Room) -> None:
        listed = room.door.lists.client(demo_medmij.PGO)
        assert listed
        for services, given in ((frozenset({"9000000022", "48"}), "9000000022"), (frozenset({"48"}), "")):
            narrowed = replace(listed, services=services)
            room.door.lists.client = lambda _host, narrowed=narrowed: narrowed  # type: ignore[method-assign,misc]
            room.now += 1
            asked = room.exchange(await room.code())
            if given:
                assert (await asked)["scope"] == given
            else:
                assert await refused(asked) == "invalid_scope"

    within(settings, act)
