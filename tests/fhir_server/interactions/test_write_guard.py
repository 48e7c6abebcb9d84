"""Clinical data stays at its source: no way of writing takes a federated type to the store."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from opened import attempt

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import NotAllowed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.interactions.write import change
from fhir_server.model.json import read
from fhir_server.storage.repository import OutOfGrant

FEDERATED = sorted(name for name, entry in load().types.items() if entry.home == "federated")


def call(services: Services, type_: str, interaction: str) -> Call:
    body = b'{"resourceType":"%b","id":"x"}' % type_.encode()
    return Call(services, local_system(), interaction, services.catalog.types[type_], id="x", body=body, now=1)


@pytest.mark.parametrize("interaction", [create, update, delete])
def test_no_interaction_writes_a_federated_type(tmp_path: Path, interaction: Callable[[Call], Awaitable[Answer]]) -> None:
    async def act(services: Services) -> None:
        for type_ in FEDERATED:
            with pytest.raises(NotAllowed):
                await interaction(call(services, type_, interaction.__name__))

    attempt(tmp_path, act)
    with sqlite3.connect(tmp_path / "data" / "hub.db") as database:
        assert database.execute("SELECT count(*) FROM resource").fetchone() == (0,)


@pytest.mark.parametrize("type_", FEDERATED)
def test_no_change_is_made_of_a_federated_type(tmp_path: Path, type_: str) -> None:
    async def act(services: Services) -> None:
        with pytest.raises(NotAllowed):
            change(call(services, type_, "create"), read(b'{"resourceType":"X"}'), "x", None)

    attempt(tmp_path, act)


def test_not_even_a_grant_of_the_gate_lets_one_in(tmp_path: Path) -> None:
    """The grant of a federated type covers nothing, so that a commit under it is out of grant."""

    async def act(services: Services) -> None:
        for type_ in FEDERATED:
            grant = services.gate.grant(local_system(), "read", type_)
            made = change(call(services, "Organization", "create"), read(b'{"resourceType":"Organization"}'), "x", None)
            forged = type(made)(type_, "x", 0, 1, b"{}", made.indexed)
            with pytest.raises(OutOfGrant):
                await services.repository.commit([grant], [forged], [])

    attempt(tmp_path, act)
