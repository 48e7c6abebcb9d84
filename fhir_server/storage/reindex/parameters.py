"""The search parameters of the user's own that the database remembers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields

from fhir_server.catalog.registered import Registered
from fhir_server.storage.body import Bodies
from fhir_server.storage.reindex.database import Snapshot, Transaction

_COLUMNS = ", ".join(each.name for each in fields(Registered))


def registered(snapshot: Snapshot) -> list[Registered]:
    """Return all that was ever registered."""
    sql = f"SELECT {_COLUMNS} FROM search_parameter ORDER BY type, code, generation"
    return [Registered(*row) for row in snapshot.stream(sql)]


def stored(transaction: Transaction) -> Iterable[tuple[str, bytes]]:
    """Yield id and JSON of the stored SearchParameters, the oldest first."""
    unpack = Bodies().unpack
    sql = "SELECT id, body FROM resource WHERE type = 'SearchParameter' AND NOT deleted ORDER BY row"
    return ((id_, unpack(body)) for id_, body in transaction.rows(sql))


def change(
    transaction: Transaction, lock: str, follow: Callable[[Sequence[Registered]], Sequence[Registered]]
) -> tuple[int, Sequence[Registered]]:
    """Remember what ``follow`` makes of what was registered, one after another; return it and the number of this state."""
    number = transaction.rows(f"SELECT parameters FROM index_state {lock}")[0][0]
    before = registered(transaction)
    after = follow(before)
    if list(after) == before:
        return number, after
    transaction.rows("DELETE FROM search_parameter")
    for one in after:
        transaction.rows(f"INSERT INTO search_parameter ({_COLUMNS}) VALUES ({_MARKS})", astuple(one))
    transaction.rows("UPDATE index_state SET parameters = ?", (number + 1,))
    return number + 1, after


_MARKS = ", ".join("?" for _ in fields(Registered))
