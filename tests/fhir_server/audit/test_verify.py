"""A record that was tampered with is found out, on both engines, whatever row was touched."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from invented import LINE
from kept_record import KEY, Change, Kept

from fhir_server.audit.anchors import Grown, copied, grown, state
from fhir_server.audit.keeper import Keeper
from fhir_server.audit.retention import DAY, LEAST
from fhir_server.audit.verify import Broken, Sound
from fhir_server.oauth.anchor import opened, signed
from fhir_server.oauth.jwk import SigningKey
from fhir_server.storage.journal.chain import Head
from fhir_server.storage.reindex.database import Transaction
from fhir_server.storage.reindex.open import open_index


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Kept:
    kept = Kept(database_url, tmp_path)
    kept.record(1, 2, 3)
    kept.anchor()
    kept.record(4, 5)
    return kept


def chains(at: Transaction) -> list[str]:
    """Return the chains, that which the anchor names first."""
    return [row[0] for row in at.rows("SELECT chain FROM audit_chain ORDER BY anchored DESC, chain")]


def sql(text: str, *, anchored: bool = True) -> Change:
    return lambda at: at.rows(text, (chains(at)[0 if anchored else -1],))


def flipped(at: Transaction) -> None:
    chain = chains(at)[0]
    ((lines,),) = at.rows("SELECT lines FROM audit_block WHERE chain = ? AND number = 2", (chain,))
    changed = bytearray(lines)
    changed[changed.index(b"Practitioner")] ^= 1
    at.rows("UPDATE audit_block SET lines = ? WHERE chain = ? AND number = 2", (bytes(changed), chain))


def swapped(at: Transaction) -> None:
    chain = chains(at)[0]
    for number, to in ((2, 0), (3, 2), (0, 3)):
        at.rows(
            "UPDATE audit_block SET number = ?, first = ?, last = ? WHERE chain = ? AND number = ?", (to, to, to, chain, number)
        )


def rewritten(at: Transaction) -> None:
    """Forge a whole unanchored chain, consistently, but for the table."""
    from fhir_server.storage.journal.chain import follow, origin
    from fhir_server.storage.journal.line import written

    chain = chains(at)[-1]
    head: Any = origin(chain)
    for number, count in at.rows("SELECT number, last - first + 1 FROM audit_block WHERE chain = ? ORDER BY number", (chain,)):
        block = follow(head, written(LINE._replace(actor="Practitioner/other")) * count, count)
        forged = (block.lines, block.hash, chain, number)
        at.rows("UPDATE audit_block SET lines = ?, hash = ? WHERE chain = ? AND number = ?", forged)
        head = block._replace(number=block.number)


def test_an_untouched_record_is_whole(kept: Kept) -> None:
    assert kept.verify() == Sound(chains=2, blocks=7, lines=9, anchors=1)
    kept.anchor()
    assert kept.verify().anchors == 2
    with closing(open_index(kept.url, write=True)) as database:
        assert kept.keeper.anchor(database) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (flipped, "block 2, line 2"),
        (sql("DELETE FROM audit_block WHERE chain = ? AND number = 2"), "block 2: it is missing"),
        (sql("DELETE FROM audit_block WHERE chain = ? AND number = 4"), "block 4: it is missing"),
        (sql("DELETE FROM audit_block WHERE chain = ? AND number = 3", anchored=False), "block 3: it is missing"),
        (sql("DELETE FROM audit_block WHERE chain = ?"), "no line"),
        (swapped, "block 2"),
        (sql("UPDATE audit_block SET hash = lines WHERE chain = ? AND number = 3"), "block 3"),
        (sql("UPDATE audit_block SET last = last + 1 WHERE chain = ? AND number = 1"), "block 1"),
        (sql("UPDATE audit_event SET actor = 'x' WHERE chain = ? AND seq = 2"), "line 2: its row in audit_event differs"),
        (sql("UPDATE audit_event SET reason = 'x' WHERE chain = ? AND seq = 3"), "line 3: its row in audit_event differs"),
        (sql("DELETE FROM audit_event WHERE chain = ? AND seq = 2"), "line 2: its row in audit_event is missing"),
        (sql("UPDATE audit_event SET seq = 99 WHERE chain = ? AND seq = 5"), "line 5: its row in audit_event is missing"),
        (sql("UPDATE audit_event SET seq = 0 WHERE chain = ? AND seq = 5"), "line 0: audit_event has a row"),
        (sql("UPDATE audit_event SET chain = 'zz' WHERE chain = ? AND seq = 5"), "line 5"),
        (rewritten, "differs"),
        (lambda at: at.rows("DELETE FROM audit_anchor"), "anchor 1: the copy"),
        (lambda at: at.rows("UPDATE audit_anchor SET signed = replace(signed, '.', '.A')"), "anchor 1"),
        (lambda at: at.rows("UPDATE audit_anchor SET made = made + 1"), "anchor 1"),
    ],
)
def test_what_was_changed_is_named(kept: Kept, change: Change, told: str) -> None:
    assert told in kept.faults(change)


def test_a_chain_that_vanished_with_all_that_tells_of_it_is_missed_by_its_anchor(kept: Kept) -> None:
    def vanish(at: Transaction) -> None:
        chain = chains(at)[0]
        for table in ("audit_block", "audit_event", "audit_chain"):
            at.rows(f"DELETE FROM {table} WHERE chain = ?", (chain,))

    assert "block 1: it is missing" in kept.faults(vanish)


def test_a_chain_cut_off_behind_its_anchor_is_missed_though_the_rest_agrees(kept: Kept) -> None:
    def cut(at: Transaction) -> None:
        chain = chains(at)[0]
        at.rows("DELETE FROM audit_block WHERE chain = ? AND number >= 3", (chain,))
        at.rows("DELETE FROM audit_event WHERE chain = ? AND seq >= 3", (chain,))
        at.rows("UPDATE audit_chain SET projected = 2, anchored = 0 WHERE chain = ?", (chain,))

    assert "block 3: it is missing" in kept.faults(cut)


def test_a_witness_outside_finds_what_was_rewritten_with_all_its_anchors(kept: Kept, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    witness.write_text("\n".join(copied(kept.file)))
    assert kept.verify(witness).anchors == 1
    kept.file.unlink()
    kept.change(lambda at: [at.rows("DELETE FROM audit_anchor"), at.rows("UPDATE audit_chain SET anchored = 0")])
    kept.anchor()
    assert kept.verify().anchors == 1
    kept.file.unlink()
    kept.now += 1
    with pytest.raises(Broken, match="anchor 1: the copy"):
        kept.verify(witness)


def test_a_tree_that_is_not_that_of_the_lines_is_found(kept: Kept) -> None:
    """Whoever has the key could tell somebody of a line that was never written."""
    with closing(open_index(kept.url, write=True)) as database:
        with database.snapshot() as at:
            (tree,) = grown(at)
        told = [tree._replace(root=tree.root[::-1])]
        database.write(lambda at: state(at, partial(signed, KEY), kept.now + 1, told, ()))
    with pytest.raises(Broken, match="an anchor names another tree for its lines from 1 on"):
        kept.verify()


def test_many_chains_that_are_long_fit_into_anchors_that_can_be_read(kept: Kept) -> None:
    long = Grown(Head("f" * 16, 2**40, 2**40, b"\xff" * 32), 0, 2**40, b"\xff" * 32)
    with closing(open_index(kept.url, write=True)) as database:
        made = database.write(lambda at: state(at, partial(signed, KEY), kept.now, [long] * 70, ()))
    assert sum(len(opened(KEY.verifying, each.signed)["heads"]) for each in made) == 70


def test_an_anchor_signed_by_another_key_is_refused(kept: Kept) -> None:
    other = SigningKey(ec.generate_private_key(ec.SECP256R1()))

    def forge(at: Transaction) -> None:
        ((token,),) = at.rows("SELECT signed FROM audit_anchor")
        at.rows("UPDATE audit_anchor SET signed = ?", (signed(other, opened(KEY.verifying, token)),))

    assert "signature" in kept.faults(forge)


def test_lines_not_yet_projected_are_verified_and_projected_by_the_next_process(kept: Kept) -> None:
    kept.change(lambda at: [at.rows("DELETE FROM audit_event"), at.rows("UPDATE audit_chain SET projected = 0")])
    assert kept.verify().lines == 9
    kept.record(7)
    assert kept.verify() == Sound(chains=3, blocks=9, lines=12, anchors=1)
    found: list[Any] = []
    kept.change(lambda at: found.extend(at.rows("SELECT request FROM audit_event WHERE request <> '' ORDER BY row")))
    assert [request for (request,) in found] == ["r1", "r2", "r3", "r4", "r5", "r7"]


def test_what_is_too_old_goes_and_the_rest_still_verifies(kept: Kept) -> None:
    def retain() -> tuple[int, int]:
        with closing(open_index(kept.url, write=True)) as database:
            removed = kept.keeper.retain(database)
        return removed.blocks, removed.lines

    assert retain() == (0, 0)
    kept.now = LEAST * DAY + 3  # older: what was recorded at 1 and 2
    assert retain() == (2, 2)
    assert kept.verify() == Sound(chains=2, blocks=5, lines=7, anchors=2)
    assert retain() == (0, 0)
    kept.record(6)
    kept.now += 10 * DAY
    assert retain()[0] == 7
    kept.record(kept.now)
    assert kept.verify().chains == 1
    assert "block 1: it is missing" not in kept.faults(lambda at: at.rows("UPDATE audit_anchor SET made = 0 WHERE number = 2"))


def test_the_record_is_kept_for_three_years_at_least(kept: Kept) -> None:
    keeper = Keeper(lambda _: "", lambda _: {}, kept.file, lambda: 0, LEAST - 1)
    with closing(open_index(kept.url, write=True)) as database, pytest.raises(ValueError, match="1096"):
        keeper.retain(database)


def test_a_clock_that_was_set_back_keeps_nothing_from_being_anchored(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    def anchors(hours: int) -> int:
        kept.now += hours * 3600 * 1_000_000 + 1
        kept.record(kept.now)
        with closing(open_index(kept.url, write=True)) as database:
            return len(kept.keeper.anchor(database, 3600))

    assert anchors(24) == 1
    assert anchors(0) == 0
    assert caplog.records == []
    assert anchors(-23) == 1
    assert [each.getMessage() for each in caplog.records] == ["the clock is behind the last anchor of the record"]
    assert kept.verify().anchors == 3
