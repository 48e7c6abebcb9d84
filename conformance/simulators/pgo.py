"""A simulated PGO: sends its user to the door of MedMij, exchanges what comes back for a token, and collects.

MedMij Afsprakenstelsel, version 2.2.4: Authorization, Token and Resource interface.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import ClientSession
from yarl import URL

from conformance.simulators.decode import UnusableData

QUERIES = Path(__file__).parent / "data" / "pgo.toml"
_FHIR = "application/fhir+json; fhirVersion=4.0"
_OK = 200
Json = dict[str, Any]


class PgoFailed(Exception):
    """The PGO got no further; the text says at which step, and what it was told."""


@dataclass(frozen=True, slots=True)
class Door:
    """The door of MedMij as demo.json tells of it, and what is asked of each data service."""

    authorize: str
    token: str
    client_id: str
    redirect_uri: str
    provider: str
    token_headers: Mapping[str, str]
    services: Mapping[str, str]
    queries: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Begun:
    """One authorization that was begun: where the user goes, and the ids by which its answer is known."""

    address: str
    state: str
    correlation: str


@dataclass(slots=True)
class Collection:
    """What came of one authorization: the token's ``scope`` and ``refresh_token`` ("" for none), and each answer by its address."""

    scope: str
    refresh_token: str
    correlation: str
    answers: dict[str, Json] = field(default_factory=dict)

    @property
    def told(self) -> Json:
        """What is told of it: no token, and of each answer how much it was."""
        shown = {
            address: {"status": found["status"], "resources": _counted(found["body"])} for address, found in self.answers.items()
        }
        return {"scope": self.scope.split(), "lasting": bool(self.refresh_token), "answers": shown}


def door(demo: Path) -> Door:
    """Return the door that the file ``demo`` (demo.json) tells of; raises UnusableData."""
    try:
        facts = json.loads(demo.read_text(encoding="utf-8"))["medmij"]
        queries = tomllib.loads(QUERIES.read_text(encoding="utf-8"))
        names = ("authorize", "token", "client_id", "redirect_uri", "provider", "token_headers", "services")
        return Door(**{name: facts[name] for name in names}, queries=queries)
    except (OSError, ValueError, KeyError) as error:
        raise UnusableData(f"{demo} tells of no door of MedMij: {error}") from error


class Pgo:
    """The PGO at ``door``; it remembers what was begun, and each is answered once."""

    def __init__(self, door_: Door, session: ClientSession, fresh: Callable[[], str]) -> None:
        """Ask through ``session``; ``fresh`` gives a UUID that nobody can guess."""
        self._door = door_
        self._fresh = fresh
        self._session = session
        self._begun: dict[str, Begun] = {}

    def begin(self) -> Begun:
        """Return where the user has to go to let data of the provider be collected."""
        state, correlation = self._fresh(), self._fresh()
        asked = {
            "response_type": "code",
            "client_id": self._door.client_id,
            "redirect_uri": self._door.redirect_uri,
            "scope": self._door.provider,
            "state": state,
            **self._ids(correlation),
        }
        begun = Begun(f"{self._door.authorize}?{urlencode(asked)}", state, correlation)
        self._begun[state] = begun
        return begun

    async def finish(self, address: str) -> Collection:
        """Collect after the user came back to ``address``; raises PgoFailed."""
        answer = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        begun = self._begun.pop(answer.get("state", ""), None)
        if begun is None or not address.startswith(self._door.redirect_uri):
            raise PgoFailed("This address does not answer anything that was begun here.")
        if "code" not in answer:
            raise PgoFailed(f"The hub answered: {answer.get('error', '')} {answer.get('error_description', '')}".strip())
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": self._door.redirect_uri}
        return await self._collected(form, begun.correlation)

    async def refresh(self, token: str) -> Collection:
        """Collect again with a refresh token; raises PgoFailed."""
        return await self._collected({"grant_type": "refresh_token", "refresh_token": token}, self._fresh())

    async def _collected(self, form: Mapping[str, str], correlation: str) -> Collection:
        sent = {**self._ids(correlation), **self._door.token_headers}
        body = {**form, "client_id": self._door.client_id}
        async with self._session.post(self._door.token, data=body, headers=sent) as reply:
            given = await reply.json()
            if reply.status != _OK:
                raise PgoFailed(f"The token endpoint answered {reply.status}: {given.get('error', '')}")
        found = Collection(given["scope"], given.get("refresh_token", ""), correlation)
        for service in found.scope.split():
            if service in self._door.services:
                await self._collect(found, service, given["access_token"])
        return found

    async def _collect(self, found: Collection, service: str, token: str) -> None:
        for query in self._door.queries.get(service, ()):
            address: str | None = f"{self._door.services[service]}/{query}"
            while address:
                headers = {"Authorization": f"Bearer {token}", "Accept": _FHIR, **self._ids(found.correlation)}
                async with self._session.get(URL(address, encoded=True), headers=headers) as reply:
                    body = await reply.json(content_type=None)
                found.answers[address] = {"status": reply.status, "body": body}
                links = body.get("link", ()) if reply.status == _OK else ()
                address = next((link["url"] for link in links if link["relation"] == "next"), None)

    def _ids(self, correlation: str) -> Mapping[str, str]:
        return {"MedMij-Request-ID": self._fresh(), "X-Correlation-ID": correlation}


def _counted(bundle: Json) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in bundle.get("entry", ()):
        type_ = entry["resource"]["resourceType"]
        found[type_] = found.get(type_, 0) + 1
    return found
