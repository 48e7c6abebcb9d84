"""Bodies that were unpacked lately."""

from fhir_server.storage.body import Bodies, Unpacked


def test_what_was_unpacked_is_not_unpacked_again() -> None:
    asked: list[bytes] = []

    def unpack(packed: bytes) -> bytes:
        asked.append(packed)
        return packed * 2

    unpacked = Unpacked(unpack)
    assert [unpacked[b"a"], unpacked[b"b"], unpacked[b"a"]] == [b"aa", b"bb", b"aa"]
    assert asked == [b"a", b"b"]


def test_the_budget_holds_and_nothing_gets_lost_by_it() -> None:
    bodies = Bodies()
    unpacked = Unpacked(bodies.unpack, budget=2_000)
    originals = [b'{"resourceType":"Task","id":"%d"}' % number for number in range(200)]
    packed = [bodies.pack(each) for each in originals]
    for _ in range(2):
        assert [unpacked[each] for each in packed] == originals
        assert sum(len(key) + len(body) for key, body in unpacked.items()) <= 2_000


def test_a_large_body_is_not_kept() -> None:
    bodies = Bodies()
    unpacked = Unpacked(bodies.unpack)
    large = b'{"data":"%b"}' % (b"x" * 20_000)
    assert unpacked[bodies.pack(large)] == large
    assert not unpacked
