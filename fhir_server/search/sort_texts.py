"""The texts by which an answer is sorted.

Of tokens, references and uris the index has only hashes, and from a resource there is no way to its strings.
Kept for strings and for the parameters that the catalogue names (``sort``), under a key of their own and cut to what is compared.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from fhir_server.search.leaves import target
from fhir_server.search.rows import START, OrderRow, TextRow, key, storable
from fhir_server.search.values import normalise

Json = Any
often = lru_cache(maxsize=1024)(key)


def sort_key(type_: str, param: str) -> int:
    """Return the key of the texts by which resources of ``type_`` are sorted when that is by ``param``."""
    return often(type_, param, "sort")


def sort_text(texts: list[TextRow], prefix: str, value: Json, base: str) -> None:
    """Keep the text of one value of any FHIR type; ``prefix`` is "Type<US>parameter<US>". It has no written form to compare."""
    texts += (TextRow(often(f"{prefix}sort"), normalise(text), "") for text in _texts(value, base))


def orders(texts: Iterable[TextRow], strings: Mapping[int, int]) -> Iterator[OrderRow]:
    """Yield what is kept to sort by of ``texts``; ``strings`` are the sort keys of string parameters, by their own keys."""
    for row in texts:
        at = strings.get(row.key, 0 if row.exact else row.key)
        if at:
            yield OrderRow(at, storable(row.normal)[:START])


def _texts(value: Json, base: str) -> Iterator[str]:
    """Yield a code, the codes of a concept, the value of an identifier, what a reference points to."""
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str):
        yield value
    elif "reference" in value:
        yield target(value["reference"], base)
    elif "coding" in value:
        yield from (one["code"] for one in value["coding"] if "code" in one)
    elif found := value.get("code") or value.get("value") or value.get("identifier", {}).get("value") or value.get("text"):
        yield found
