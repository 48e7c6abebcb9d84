"""Who leaves gets no tokens any more, on both engines and in every process, also when nobody writes at the moment of leaving."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest
from engines import PostgresServer, migrated
from flows.authorization import REDIRECT, VERIFIER, clients_toml
from record_check import lines

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Call
from fhir_server.interactions.delete import delete
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model import json
from fhir_server.network.standing import Standing
from fhir_server.oauth import opening
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.grants import GRANTS, challenge_of
from fhir_server.oauth.inspection import inspected
from fhir_server.oauth.leavers import Leavers
from fhir_server.oauth.oauth_error import OAuthError
from fhir_server.oauth.remote import Remote
from fhir_server.oauth.store import SECOND, AuthorizationCode, Granted, hashed
from fhir_server.settings import Settings, read_settings

Json = dict[str, Any]
END = "2030-01-01T00:00:00Z"
LAST = 1_893_456_000 * SECOND
"""The instant of END."""
NOW = LAST - 600 * SECOND
_marks = count()


class Process:
    """One process of a hub."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.settings = settings
        self.services = services
        self.authority = replace(opening.authority(settings, services, Remote(), bootstrap.caller(settings)), clock=lambda: NOW)

    async def put(self, *resources: Mapping[str, Any]) -> None:
        for each in resources:
            await update(self._call("update", each["resourceType"], each["id"], json.write(dict(each))))

    async def delete(self, resource: Mapping[str, Any]) -> None:
        await delete(self._call("delete", resource["resourceType"], resource["id"]))

    def _call(self, interaction: str, type_: str, id_: str, body: bytes = b"") -> Call:
        entry = self.services.catalog.types[type_]
        return Call(self.services, local_system(), interaction, entry, id=id_, body=body, request="r", now=NOW)

    async def code(self, granted: Granted, now: int = NOW) -> str:
        secret, family = secrets.token_hex(16), secrets.token_hex(8)
        granted = replace(granted, authenticated=now)
        code = AuthorizationCode(hashed(secret), family, granted, REDIRECT, challenge_of(VERIFIER), now + 60 * SECOND)
        await self.authority.store.put_code(code)
        return secret

    async def tokens(self, granted: Granted) -> Json:
        return await self.exchange(await self.code(granted), NOW)

    async def exchange(self, code: str, now: int) -> Json:
        return await self._given("authorization_code", now, code=code, redirect_uri=REDIRECT, code_verifier=VERIFIER)

    async def refresh(self, token: str, now: int) -> Json:
        return await self._given("refresh_token", now, refresh_token=token)

    async def _given(self, kind: str, now: int, **form: str) -> Json:
        return (await GRANTS[kind](self.authority, self.authority.clients["app"], form, now)).body

    async def active(self, token: str, now: int) -> bool:
        asking = self.authority.clients["guard" if token.count(".") > 1 else "app"]
        return (await inspected(self.authority, asking, token, now))["active"] is True

    async def refused(self, token: str, now: int) -> str:
        """Return why a refresh token gives nothing: "left", or "gone" for one that was revoked already."""
        with pytest.raises(OAuthError) as caught:
            await self.refresh(token, now)
        assert caught.value.error == "invalid_grant"
        return caught.value.noted


class Person:
    """A nurse who works for two organisations, or for one, and a carer: nobody else's in any other test."""

    def __init__(self) -> None:
        self.mark = f"{next(_marks)}"
        self.record = {"resourceType": "Practitioner", "id": f"p{self.mark}", "active": True}
        self.subject = f"Practitioner/p{self.mark}"
        self.nurse = Granted("app", self.subject, "practitioner", "user/*.rs offline_access", organisation="Organization/home")
        self.carer = Granted("app", f"RelatedPerson/c{self.mark}", "related-person", "user/*.rs offline_access")

    def role(self, organisation: str = "home", **more: Any) -> Json:
        made = {"resourceType": "PractitionerRole", "id": f"{organisation}{self.mark}", "active": True}
        own = {"practitioner": {"reference": self.subject}, "organization": {"reference": f"Organization/{organisation}"}}
        return {**made, **own, **more}

    def relation(self, **more: Any) -> Json:
        patient = {"reference": "Patient/client"}
        return {"resourceType": "RelatedPerson", "id": f"c{self.mark}", "active": True, "patient": patient, **more}


class Room:
    """Two processes of one hub; on SQLite, which has one writer, both are the same."""

    def __init__(self, runner: asyncio.Runner, here: Process, there: Process) -> None:
        self.runner = runner
        self.here = here
        self.there = there

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("leavers")
    (folder / "clients.toml").write_text(clients_toml())
    url = f"sqlite:///{migrated(folder / 'hub.db')}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create("leavers", "template_hub")
    own = {"DATA_DIR": str(folder), "DATABASE_URL": url, "CLIENTS": str(folder / "clients.toml"), "REFERENTIAL_INTEGRITY": "off"}
    settings = read_settings({f"FHIR_SERVER_{name}": value for name, value in own.items()})
    with asyncio.Runner() as runner:
        count_ = 1 if request.param == "sqlite" else 2
        opened = [runner.run(bootstrap.open_services(settings)) for _ in range(count_)]
        processes = [Process(settings, each) for each in opened]
        yield Room(runner, processes[0], processes[-1])
        for each in opened:
            runner.run(each.repository.close())


@pytest.mark.parametrize("how", ["person inactive", "role inactive", "role ended", "deleted"])
def test_who_leaves_gets_nothing_more_at_once_in_any_process(room: Room, how: str) -> None:
    person, here, there = Person(), room.here, room.there
    leaving = {
        "person inactive": {**person.record, "active": False},
        "role inactive": person.role(active=False),
        "role ended": person.role(period={"end": "2029-12-31T12:00:00Z"}),
    }

    async def work() -> None:
        await here.put(person.record, person.role())
        tokens, waiting = await there.tokens(person.nurse), await there.code(person.nurse)
        assert await there.active(tokens["access_token"], NOW)
        assert await there.active(tokens["refresh_token"], NOW)
        if how in leaving:
            await here.put(leaving[how])
        else:
            await here.delete(person.role())
            await here.delete(person.record)
        assert not await there.active(tokens["access_token"], NOW)
        assert not await there.active(tokens["refresh_token"], NOW)
        with pytest.raises(OAuthError, match="not active here any more"):
            await there.exchange(waiting, NOW)
        assert await there.refused(tokens["refresh_token"], NOW) == "left"
        assert person.subject not in await here.authority.store.holders(NOW)

    room.do(work())


@pytest.mark.parametrize("who", ["nurse", "carer"])
def test_a_period_that_runs_out_needs_nobody_to_write(room: Room, who: str) -> None:
    person, here = Person(), room.here
    granted = person.nurse if who == "nurse" else person.carer

    async def work() -> None:
        await here.put(person.record, person.role(period={"end": END}), person.relation(period={"end": END}))
        tokens = await here.tokens(granted)
        following = await here.refresh(tokens["refresh_token"], LAST - SECOND)
        assert await here.active(following["refresh_token"], LAST - SECOND)
        assert not await here.active(following["refresh_token"], LAST + SECOND)
        assert not await here.active(tokens["access_token"], LAST + SECOND)
        assert await here.refused(following["refresh_token"], LAST + SECOND) == "left"

    room.do(work())


def test_a_round_revokes_what_nobody_asked_about_and_says_so_once(room: Room) -> None:
    person, here = Person(), room.here

    async def work() -> None:
        await here.put(person.record, person.role(period={"end": END}), person.relation())
        nurse, carer = await here.tokens(person.nurse), await here.tokens(person.carer)
        duty = Leavers(here.authority)
        await duty(here.services, LAST - SECOND)
        assert not here.authority.revocations.revoked("any", person.subject, NOW // SECOND)
        for _ in range(2):
            await duty(here.services, LAST + SECOND)
        assert here.authority.revocations.revoked("any", person.subject, NOW // SECOND)
        assert await here.refused(nurse["refresh_token"], NOW) == "gone"
        assert (await here.refresh(carer["refresh_token"], NOW))["refresh_token"]

    room.do(work())
    told = [each for each in lines(here.settings.database) if each.detail == f"subject {person.subject}"]
    assert [each.interaction for each in told] == ["revoke"]


def test_who_left_one_organisation_keeps_what_is_for_another(room: Room) -> None:
    person, here = Person(), room.here
    elsewhere = replace(person.nurse, organisation="Organization/elsewhere")

    async def work() -> None:
        await here.put(person.record, person.role(period={"end": END}), person.role("elsewhere"))
        asked, waits, kept = [await here.tokens(each) for each in (person.nurse, person.nurse, elsewhere)]
        assert not await here.active(asked["access_token"], LAST + SECOND)
        assert await here.refused(asked["refresh_token"], LAST + SECOND) == "left"
        await Leavers(here.authority)(here.services, LAST + SECOND)
        assert await here.refused(waits["refresh_token"], NOW) == "gone"
        assert (await here.refresh(kept["refresh_token"], LAST + SECOND))["refresh_token"]

    room.do(work())


def test_who_comes_back_logs_in_again(room: Room) -> None:
    person, here = Person(), room.here

    async def work() -> None:
        await here.put({**person.record, "active": False})
        old = await here.code(person.nurse)
        await Leavers(here.authority)(here.services, NOW)
        await here.put(person.record, person.role())
        with pytest.raises(OAuthError):
            await here.exchange(old, NOW)
        fresh = await here.code(person.nurse, NOW + SECOND)
        assert (await here.exchange(fresh, NOW + SECOND))["refresh_token"]

    room.do(work())


def test_a_round_goes_on_where_the_last_one_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.oauth.leavers._AT_ONCE", 2)
    everybody = [f"Practitioner/{number}" for number in range(5)]
    asked: list[str] = []

    async def holders(_now: int) -> list[str]:
        return everybody

    async def standing(subject: str, _now: int) -> Standing:
        asked.append(subject)
        return Standing((subject,))

    authority = cast("Authority", SimpleNamespace(store=SimpleNamespace(holders=holders), standing=standing))
    duty = Leavers(authority)
    with closing(asyncio.new_event_loop()) as loop:
        for _ in range(4):
            loop.run_until_complete(duty(cast("Services", None), NOW))
    assert asked == [*everybody, *everybody[:2]]
