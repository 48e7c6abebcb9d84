"""The proof of one line, on both engines: it needs no database, and shows no other line."""

import json
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from invented import LINE
from kept_record import KEY, Kept

from fhir_server.audit.proof import NotProven, check, prove
from fhir_server.audit.retention import DAY, LEAST
from fhir_server.audit.verify import Broken
from fhir_server.oauth.anchor import opened
from fhir_server.storage.journal import keeping
from fhir_server.storage.reindex.open import open_index

OPEN = partial(opened, KEY.verifying)


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Kept:
    kept = Kept(database_url, tmp_path)
    kept.record(*range(1, 8))
    kept.anchor()
    kept.record(11, 12)
    kept.anchor()
    kept.record(21)
    return kept


def places(kept: Kept) -> list[tuple[str, int, bool]]:
    """Return chain and number of each line, and whether an anchor names it."""
    with closing(open_index(kept.url, write=False)) as database, database.snapshot() as at:
        known = keeping.chains(at)
        found = [(each.chain, seq, each.number) for each in keeping.blocks(at) for seq in range(each.first, each.last + 1)]
        return [(chain, seq, number <= known[chain].anchored) for chain, seq, number in found]


def proven(kept: Kept, chain: str, seq: int) -> dict[str, Any]:
    with closing(open_index(kept.url, write=False)) as database, database.snapshot() as at:
        found: dict[str, Any] = json.loads(json.dumps(prove(at, OPEN, KEY.jwk(), chain, seq)))
        return found


def test_each_line_that_an_anchor_names_is_proven_alone(kept: Kept) -> None:
    shown = set()
    for chain, seq, anchored in places(kept):
        if not anchored:
            with pytest.raises(NotProven, match="no anchor names it yet"):
                proven(kept, chain, seq)
            continue
        proof = proven(kept, chain, seq)
        row = check(proof, OPEN)
        shown.add((row.recorded, row.request))
        assert json.dumps(proof).count(LINE.actor) == 1  # no other line is in it
        assert len(proof["path"]) <= 4
    assert (3, "r3") in shown
    assert (12, "r12") in shown
    assert kept.verify().anchors == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"line": lambda line: line.replace(LINE.actor, "Practitioner/q")}, "not the one that was written"),
        ({"seq": lambda seq: seq + 1}, "not the one"),
        ({"seq": lambda _: 99}, "names no tree"),
        ({"chain": lambda _: "other"}, "names no tree"),
        ({"path": lambda path: path[::-1]}, "not the one"),
        ({"path": lambda path: path[:-1]}, "too short"),
        ({"path": lambda path: [*path, path[0]]}, "too long"),
        ({"path": lambda _: [1]}, "proves nothing"),
        ({"anchor": lambda anchor: anchor.replace(".", ".A", 1)}, "an anchor"),
        ({"seq": str}, "no proof of this kind"),
        ({"proof": lambda _: 2}, "no proof of this kind"),
    ],
)
def test_what_was_changed_proves_nothing(kept: Kept, change: dict[str, Any], told: str) -> None:
    chain, seq, _ = next(each for each in places(kept) if each[2])
    proof = proven(kept, chain, seq + 2)
    assert check(proof, OPEN)
    ((name, by),) = change.items()
    with pytest.raises(Broken, match=told):
        check({**proof, name: by(proof[name])}, OPEN)


def test_a_line_that_was_removed_is_proven_no_more(kept: Kept) -> None:
    chain, seq, _ = next(each for each in places(kept) if each[2])
    kept.now += (LEAST + 20) * DAY
    kept.record(kept.now)
    with closing(open_index(kept.url, write=True)) as database:
        assert kept.keeper.retain(database).lines
    with pytest.raises(NotProven):
        proven(kept, chain, seq)
    kept.verify()
