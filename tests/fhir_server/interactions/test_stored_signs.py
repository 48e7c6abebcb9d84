"""What is looked for in stored bodies: once in each, within a room, and under every name that JSON has for it."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fhir_server.access.actor import Actor
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.minimised import answered
from fhir_server.interactions.stored_signs import in_any

MIB = 1_048_576


def test_a_body_is_looked_at_once_while_there_is_room() -> None:
    asked: list[bytes] = []

    def test(body: bytes) -> bool:
        asked.append(body)
        return body.endswith(b"!")

    found = in_any(test)
    bodies = [b"%016384d" % number for number in range(16 * MIB // 16_384)]
    assert not found(bodies[:2])
    assert not found(bodies[:2])
    assert asked == bodies[:2]
    assert found([bodies[0], b"it is!"])
    assert found([b"it is!"])
    assert not found(bodies)
    asked.clear()
    assert not found(bodies)
    assert len(asked) >= len(bodies) / 2, "more than 8 MiB of bodies are kept"
    large = b"%016385d" % 0
    assert not found([large])
    assert asked[-1] is large
    assert not found([large])
    assert asked[-2:] == [large, large], "what is large is not kept"


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("member", ["birthDate", "_birthDate"])
def test_what_stands_beside_an_element_is_left_out_with_it(member: str, *, stored: bool) -> None:
    born: Any = {"extension": [{"url": "urn:time", "valueDateTime": "1970-01-01T04:05:06Z"}]} if member[0] == "_" else "1970-01-01"
    body = json.dumps({"resourceType": "Practitioner", "id": "p", member: born, "active": True}).encode()
    call = cast("Call", SimpleNamespace(actor=Actor("Patient/c", "patient", ())))
    shown = answered(call, Answer(200, body, stored=(body,) if stored else ())).body
    assert set(json.loads(shown)) == {"resourceType", "id", "active", "meta"}
