"""A receipt of what an answer rested on: a part for each source, and a signature that anybody can verify."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asked_sources import Sources, holdings
from dossier_room import CLIENT, DAUGHTER, DOCTOR, OUTSIDER, SYSTEM, Room, actor, room
from engines import PostgresServer
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from fhir_server.access.actor import Actor
from fhir_server.errors import Forbidden, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.recorded import recorded
from fhir_server.model.canonical_json import canonical
from fhir_server.oauth.ring import KeyRing
from fhir_server.operations.completeness import receipt
from fhir_server.validation import check

Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("completeness")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, folder: Path) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("completeness", "template1")
    with room(folder / request.param, database) as found:
        yield found


def asked(hub: Room, who: str | Actor, sources: object, id_: str = CLIENT) -> tuple[Call, Answer]:
    services = replace(hub.services, federation=sources)  # type: ignore[arg-type] # asks nobody over a network

    async def carried_out() -> tuple[Call, Answer]:
        standing = await services.standings.of(who if isinstance(who, Actor) else actor(who), services.clock())
        more = {"id": id_.partition("/")[2], "request": "r1", "now": services.clock()}
        call = Call(services, standing, "$completeness", services.catalog.types["Patient"], **more)
        return call, await receipt(call)

    return hub.runner.run(carried_out())


def parts(of: Json, name: str) -> list[Json]:
    return [each for each in of["parameter"] if each["name"] == name]


def outcomes(of: Json) -> list[tuple[str, str, dict[str, tuple[str, int | None]]]]:
    """Return for each source its name, what came of it, and by type what came of that and how many there were."""
    found = []
    for source in parts(of, "source"):
        named = {each["name"]: each for each in source["part"]}
        types = [{one["name"]: one for one in each["part"]} for each in source["part"] if each["name"] == "type"]
        by_type = {
            each["code"]["valueCode"]: (each["outcome"]["valueCoding"]["code"], each.get("count", {}).get("valueUnsignedInt"))
            for each in types
        }
        name = named["organization"]["valueReference"]["identifier"]["value"]
        found.append((name, named["outcome"]["valueCoding"]["code"], by_type))
    return found


def verify(of: Json, keys: dict[str, Any]) -> None:
    """Verify the signature as the definition of the operation says it is made. Raises BadSignatureError."""
    (signature,) = [each["valueString"] for each in parts(of, "signature")]
    signed = canonical({**of, "parameter": [each for each in of["parameter"] if each["name"] != "signature"]})
    header, payload, ending = signature.split(".")
    assert payload == ""
    whole = ".".join((header, urlsafe_b64encode(signed).rstrip(b"=").decode(), ending))
    jws.deserialize_compact(whole, KeySet.import_key_set(keys), algorithms=["ES256"])


def test_a_part_for_each_source(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    call, answer = asked(hub, SYSTEM, sources)
    found = json.loads(answer.body)
    check(found)
    each = {"MedicationDispense": ("answered", 1), "Condition": ("answered", 2), "Observation": ("answered", 1)}
    assert outcomes(found) == [("linde", "answered", each), ("nacht", "answered", each)]
    assert [one["valueCode"] for one in parts(found, "completeness")] == ["complete"]
    assert [one["valueReference"]["reference"] for one in parts(found, "patient")] == [CLIENT]
    assert (answer.keep, dict(answer.headers)["Federation-Completeness"]) == (False, "complete")
    line = hub.runner.run(recorded(call, answer))
    assert (line.interaction, line.dossier.split()[0], line.source) == ("$completeness", CLIENT, "linde nacht")
    assert "linde=ok nacht=ok" in line.detail


def test_a_source_that_is_missing(hub: Room) -> None:
    found = json.loads(asked(hub, SYSTEM, Sources(hub.services.federation.seal, holdings(), "timeout"))[1].body)
    (_, linde, _), (_, nacht, types) = outcomes(found)
    assert (linde, nacht, set(types.values())) == ("answered", "source-timeout", {("source-timeout", None)})
    assert [one["valueCode"] for one in parts(found, "completeness")] == ["partial"]


def test_the_signature_is_of_the_hub_and_of_every_word(hub: Room, folder: Path, request: pytest.FixtureRequest) -> None:
    found = json.loads(asked(hub, SYSTEM, Sources(hub.services.federation.seal, holdings()))[1].body)
    ring = KeyRing(folder / request.node.callspec.params["hub"] / "data", hub.services.clock())
    verify(found, ring.jwks())
    changed = deepcopy(found)
    parts(changed, "source")[0]["part"][1]["valueCoding"]["code"] = "source-timeout"
    shorter = {**found, "parameter": [each for each in found["parameter"] if each is not parts(found, "source")[1]]}
    for other in (changed, shorter):
        with pytest.raises(BadSignatureError):
            verify(other, ring.jwks())


def test_who_sees_no_client_gets_no_receipt_and_a_source_that_is_closed_is_not_there(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    with pytest.raises(Forbidden):
        asked(hub, OUTSIDER, sources)
    with pytest.raises(NotFound):
        asked(hub, SYSTEM, sources, "Patient/nobody")
    for who in (DOCTOR, DAUGHTER):  # without a choice of the client nothing is open to them
        assert outcomes(json.loads(asked(hub, who, sources)[1].body)) == []
    assert sources.asked == []
