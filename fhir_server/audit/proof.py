"""The proof that one line is in the record: the line, its path in a Merkle tree, and the signed anchor that names the root.

Nobody needs the database for it, nor any other line (RFC 9162, inclusion proofs).
"""

from collections.abc import Iterable
from typing import Any, Final

from fhir_server.audit.anchors import Rooted, heads_in, trees_in
from fhir_server.audit.merkle import Invalid, leaf, path, root_by
from fhir_server.audit.verify import Broken, Open
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Block, Head, digest, texts
from fhir_server.storage.journal.line import Unreadable, read
from fhir_server.storage.reindex.database import Snapshot
from fhir_server.storage.repository import AuditRow

FORMAT: Final = 1
_KINDS: Final = {"proof": int, "chain": str, "seq": int, "line": str, "path": list, "anchor": str, "key": dict}


class NotProven(Exception):
    """There is no such line, or no anchor names it yet."""


def prove(at: Snapshot, open_: Open, key: dict[str, str], chain: str, seq: int) -> dict[str, Any]:
    """Return the proof of the line ``seq`` of ``chain``, whose anchors the ``key`` (JWK) signs. Raises NotProven, Broken."""
    since = 0
    for anchor in keeping.anchors(at):
        claims = _opened(anchor.signed, open_)
        for head, tree in _named(claims, chain):
            if tree.first <= seq <= head.last:
                text, leaves = _leaves(keeping.stretch(at, chain, since, head.number), head, tree, seq)
                told = [each.hex() for each in path(leaves, seq - tree.first)]
                place = {"proof": FORMAT, "chain": chain, "seq": seq, "line": text.decode()}
                return {**place, "path": told, "anchor": anchor.signed, "key": key}
            since = head.number
    raise NotProven("there is no such line in the record, or no anchor names it yet: run `fhir-server audit anchor` first")


def check(proof: object, open_: Open) -> AuditRow:
    """Return the line that ``proof`` shows to be in the record of whoever signed its anchor. Raises Broken."""
    if not isinstance(proof, dict) or {name: type(value) for name, value in proof.items()} != _KINDS or proof["proof"] != FORMAT:
        raise Broken("it is no proof of this kind")
    claims = _opened(proof["anchor"], open_)
    chain, seq, text = proof["chain"], proof["seq"], proof["line"].encode()
    named = next((each for each in _named(claims, chain) if each[1].first <= seq <= each[0].last), None)
    if named is None:
        raise Broken(f"its anchor names no tree with line {seq} of chain {chain}")
    head, tree = named
    try:
        found = root_by(list(map(bytes.fromhex, proof["path"])), leaf(chain, seq, digest(text)), *_place(head, tree, seq))
        (row,) = read(text + b"\n")
    except (Invalid, Unreadable, TypeError, ValueError) as error:
        raise Broken(f"it proves nothing: {error}") from error
    if found != tree.root:
        raise Broken(f"the line is not the one that was written as line {seq} of chain {chain}")
    return row


def _opened(signed: str, open_: Open) -> Any:  # noqa: ANN401 - the claims of a JWS
    try:
        return open_(signed)
    except ValueError as error:
        raise Broken(f"an anchor: {error}") from error


def _named(claims: Any, chain: str) -> list[tuple[Head, Rooted]]:  # noqa: ANN401 - the same
    trees = trees_in(claims)
    return [
        (each, trees[chain, each.number])
        for each in heads_in(claims, "heads")
        if (each.chain, each.number) in trees
        if each.chain == chain
    ]


def _place(head: Head, tree: Rooted, seq: int) -> tuple[int, int]:
    return seq - tree.first, head.last - tree.first + 1


def _leaves(blocks: Iterable[Block], head: Head, tree: Rooted, seq: int) -> tuple[bytes, list[bytes]]:
    text, leaves = b"", []
    for block in blocks:
        for number, each in enumerate(texts(block.lines), block.first):
            leaves.append(leaf(head.chain, number, digest(each)))
            if number == seq:
                text = each
    if len(leaves) != head.last - tree.first + 1 or not text:
        raise NotProven("lines of the same tree were removed, because they were too old: it cannot be proven alone any more")
    return text, leaves
