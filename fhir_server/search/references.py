"""Under which key of the index a reference is found."""

from fhir_server.catalog.definitions import narrowing
from fhir_server.search.leaves import points_to
from fhir_server.search.rows import key


def reference_key(type_: str, param: str, target: str) -> int | None:
    """Return the key of the rows of ``param`` about ``target``, None when it never has a row about that.

    What ``param`` finds of one type among the values of a wider parameter stands under the code of that one, once for both. Only
    a target whose text does not tell its type (``urn:uuid:...``) keeps rows of its own.
    """
    narrow = narrowing(type_, param)
    if narrow is None or "/" not in target:
        return key(type_, param, target)
    return key(type_, narrow.wide, target) if points_to({"reference": target}, narrow.target) else None
