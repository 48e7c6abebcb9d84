"""Which payloads of a message are for whom."""

from typing import Any

import pytest

from fhir_server.network.plain_language import AUDIENCE, for_lay_people, hidden, restored, taken_back, with_messages

Json = dict[str, Any]


def payload(audience: str, content: str = "") -> Json:
    extension = {"extension": [{"url": AUDIENCE, "valueCode": audience}]} if audience else {}
    return {**extension, "contentString": content or audience or "everybody"}


@pytest.mark.parametrize(
    ("audiences", "left_out"),
    [
        ([], []),
        ([""], []),
        (["", ""], []),
        (["lay"], []),
        (["professional"], []),
        (["professional", ""], []),
        (["professional", "lay"], [0]),
        (["", "professional", "lay", "professional"], [1, 3]),
        (["other", "lay"], []),
    ],
)
def test_what_is_for_professionals_is_hidden_where_there_is_plain_language(audiences: list[str], left_out: list[int]) -> None:
    assert hidden([payload(each) for each in audiences]) == left_out


def test_a_narrative_is_not_shown_where_something_is_hidden() -> None:
    message = {"resourceType": "Communication", "text": {"div": "x"}, "payload": [payload("professional"), payload("lay")]}
    assert for_lay_people(message) == {"resourceType": "Communication", "payload": [payload("lay")]}
    plain = {**message, "payload": [payload("")]}
    assert for_lay_people(plain) is plain


def test_a_narrative_that_comes_alone_is_not_shown() -> None:
    part = {"resourceType": "Communication", "meta": {"tag": [{"code": "SUBSETTED"}]}, "text": {"div": "x"}}
    assert "text" not in for_lay_people(part)


def test_of_a_message_taken_back_nothing_is_left_that_it_said() -> None:
    message = {
        "resourceType": "Communication",
        "id": "a",
        "status": "entered-in-error",
        "sender": {"reference": "Practitioner/a"},
        "text": {"div": "secret"},
        "note": [{"text": "secret"}],
        "contained": [{"resourceType": "Binary", "data": "secret"}],
        "payload": [{"contentString": "secret"}, {"contentString": "secret"}],
    }
    left = taken_back(message)
    assert "secret" not in str(left)
    assert {"id", "status", "sender", "payload"} <= left.keys()
    assert len(left["payload"]) == 1


BOTH = [payload("professional"), payload(""), payload("lay")]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([payload(""), payload("lay")], BOTH),
        ([payload("lay", "else")], [payload("lay", "else"), payload("professional")]),
        ([], [payload("professional")]),
        (BOTH, BOTH),
        ([payload("professional", "new")], [payload("professional", "new")]),
    ],
)
def test_who_did_not_see_a_payload_does_not_lose_it(sent: list[Json], kept: list[Json]) -> None:
    assert list(restored(sent, BOTH)) == kept


def test_messages_are_found_wherever_they_stand() -> None:
    message = {"resourceType": "Communication", "id": "a"}
    other = {"resourceType": "Patient", "id": "p"}
    nested = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Bundle", "entry": [{"resource": message}, {"resource": other}]}}],
    }
    made = with_messages(nested, lambda each: {**each, "seen": True})
    assert made["entry"][0]["resource"]["entry"] == [{"resource": {**message, "seen": True}}, {"resource": other}]
    assert with_messages(other, lambda each: {**each, "seen": True}) is other
