import uuid

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.storage import body
from fhir_server.storage.body import Bodies
from fhir_server.storage.dictionary import samples

BODIES = Bodies()


@given(st.binary(max_size=3000))
def test_what_was_packed_comes_out(content: bytes) -> None:
    assert BODIES.unpack(BODIES.pack(content)) == content


def test_resources_that_the_dictionary_never_saw_shrink_to_a_quarter() -> None:
    fresh = [bytes(one) for one in samples(200, seed=77)]
    packed = [BODIES.pack(one) for one in fresh]
    assert [BODIES.unpack(one) for one in packed] == fresh
    assert sum(map(len, packed)) * 4 < sum(map(len, fresh))


def test_one_object_does_not_disturb_another() -> None:
    one = Bodies()
    content = bytes(samples(1)[0])
    packed = one.pack(content)
    other = Bodies()
    assert (one.pack(content), other.pack(content)) == (packed, packed)


UUID = "0c3c6b2e-6a4c-4c8e-9a52-6f1f1a5b9f10"


@pytest.mark.parametrize(
    "body",
    [
        UUID,
        f'{{"a":"Patient/{UUID}","b":"Patient/{UUID}"}}',
        f"{UUID}{UUID}",
        f"{UUID}-1111-2222-3333-444444444444",  # the end of one is the beginning of what looks like another
        f"{UUID[:-1]}",
        UUID.upper(),
        f"\x01{UUID}",
        f"é{UUID}",
        f"{UUID} " * 300,
    ],
)
def test_uuids_come_back_where_they_stood(body: str) -> None:
    assert BODIES.unpack(BODIES.pack(body.encode())) == body.encode()


@given(st.text("0123456789abcdef-\x01 ", max_size=200), st.lists(st.uuids(), max_size=4))
def test_whatever_stands_between_them(between: str, uuids: list[uuid.UUID]) -> None:
    body = between.join(["", *map(str, uuids), ""]).encode()
    assert BODIES.unpack(BODIES.pack(body)) == body


def test_a_uuid_takes_no_more_than_its_bytes() -> None:
    one, other = (BODIES.pack(b'{"resourceType":"Task","for":{"reference":"Patient/%s"}}' % id_) for id_ in (b"x", UUID.encode()))
    assert len(other) <= len(one) + 16


def test_a_stored_body_names_its_dictionary_and_older_ones_stay_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    old = BODIES.pack(b'{"resourceType":"Task"}' * 5)
    newer = zstandard.train_dictionary(4096, samples(500, seed=5), dict_id=4)
    monkeypatch.setattr(body, "_dictionaries", lambda: {3: now_used(), 4: newer})
    both = Bodies()
    new = both.pack(b'{"resourceType":"Task"}' * 5)
    assert [named(old), named(new)] == [3, 4]
    assert both.unpack(new) == both.unpack(old)
    with pytest.raises(LookupError, match="newer server"):
        BODIES.unpack(new)


def named(packed: bytes) -> int:
    return zstandard.get_frame_parameters(packed[1:], format=zstandard.FORMAT_ZSTD1_MAGICLESS).dict_id


def now_used() -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict((body.FOLDER / "3.dict").read_bytes())
