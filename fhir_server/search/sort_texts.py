"""The texts by which tokens, references and uris are sorted: the index has only hashes of them.

Kept for the parameters that the catalogue names (``sort``), under a key of their own and cut to what is compared.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fhir_server.search.leaves import target
from fhir_server.search.rows import START, TextRow, key
from fhir_server.search.values import normalise

Json = Any
often = lru_cache(maxsize=1024)(key)


def sort_text(texts: list[TextRow], prefix: str, value: Json, base: str) -> None:
    """Keep the text of one value of any FHIR type; ``prefix`` is "Type<US>parameter<US>"."""
    texts += (TextRow(often(f"{prefix}sort"), normalise(text)[:START], "") for text in _texts(value, base))


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
