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


def test_resources_that_the_dictionary_never_saw_shrink_to_a_third() -> None:
    fresh = [bytes(one) for one in samples(200, seed=77)]
    packed = [BODIES.pack(one) for one in fresh]
    assert [BODIES.unpack(one) for one in packed] == fresh
    assert sum(map(len, packed)) * 3 < sum(map(len, fresh))


def test_a_stored_body_names_its_dictionary_and_older_ones_stay_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    old = BODIES.pack(b'{"resourceType":"Task"}' * 5)
    assert zstandard.get_frame_parameters(old).dict_id == 2
    newer = zstandard.train_dictionary(4096, samples(500, seed=5), dict_id=3)
    monkeypatch.setattr(body, "_dictionaries", lambda: {2: now_used(), 3: newer})
    both = Bodies()
    new = both.pack(b'{"resourceType":"Task"}' * 5)
    assert zstandard.get_frame_parameters(new).dict_id == 3
    assert both.unpack(new) == both.unpack(old)
    with pytest.raises(LookupError, match="newer server"):
        BODIES.unpack(new)


def now_used() -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict((body.FOLDER / "2.dict").read_bytes())
