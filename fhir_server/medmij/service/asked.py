"""What a data service answers: reads and searches as its declaration has them, and never about anybody by name.

The client comes from the token; a parameter that names a client is refused, whoever it names (Resource interface, item 4).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fhir_server.errors import BadRequest, FhirError, Forbidden, NotAllowed
from fhir_server.interactions.route import Route
from fhir_server.medmij.catalogue import Query, Service
from fhir_server.model.bsn import is_bsn

Pairs = Sequence[tuple[str, str]]
_METHODS: Final = frozenset({"GET", "HEAD"})
_SHAPE: Final = frozenset({"_format", "_pretty"})
_ABOUT: Final = frozenset({"patient", "subject", "beneficiary"})
_FIXED_VALUE: Final = "search-value"
_PAGE: Final = "_page"


def asked_of(service: Service, method: str, route: Route, parameters: Pairs) -> Pairs:
    """Return the parameters that narrow a request besides its own, none for a read.

    Raises what refuses a request that ``service`` does not answer: NotAllowed, Forbidden (insufficient_scope) or BadRequest.
    """
    if method not in _METHODS:
        raise _not_allowed()
    _require_nobody(parameters)
    if route.interaction == "read" and route.type in service.read:
        _require_known(parameters, _SHAPE)
        return ()
    found = [each for each in service.searches if each.type == route.type]
    if route.interaction != "search-type" or route.within or not found:
        raise insufficient_scope(f"The data service {service.id} does not answer this; /metadata says what it answers.")
    if not any(name == _PAGE for name, _ in parameters):  # a page goes on with what was asked for the first one
        _require_search(found[0], parameters)
    return found[0].fixed


def insufficient_scope(text: str) -> FhirError:
    """Return the error for what the token does not reach (RFC 6750 section 3.1)."""
    error = Forbidden(text, detail="insufficient_scope")
    error.headers = ((b"www-authenticate", b'Bearer error="insufficient_scope"'),)
    return error


def _not_allowed() -> FhirError:
    error = NotAllowed("A PGO collects with GET; nothing is written through a data service.")
    error.headers = ((b"allow", b"GET, HEAD"),)
    return error


def _require_nobody(parameters: Pairs) -> None:
    for name, value in parameters:
        if name.split(":")[0].split(".")[0] in _ABOUT:
            raise BadRequest(
                "Leave the client out of the parameters: the access token says whose data it is.", detail="patient-named"
            )
        if any(is_bsn(each.rpartition("|")[2].strip()) for each in value.split(",")):
            raise BadRequest("A BSN stands in no request of a PGO: the access token says whose data it is.", detail="bsn-in-url")


def _require_search(query: Query, parameters: Pairs) -> None:
    fixed = dict(query.fixed)
    _require_known(parameters, _SHAPE | {"_count", "_include", "_include:iterate"} | query.parameters | fixed.keys())
    for name, value in query.fixed:
        given = {each for code, each in parameters if code == name}
        if given and value not in given:
            raise insufficient_scope(f"This data service answers a search of {query.type} with {name}={value} only.")
    for name, value in _results(parameters):
        if name == "_count" and value.strip("0") == "":
            raise BadRequest("'_count' must be 1 or more here: an answer without entries has no total.", detail=_FIXED_VALUE)
        if name == "_include" and value not in query.include:
            raise BadRequest(f"'_include' can be {', '.join(sorted(query.include)) or 'nothing'} here.", detail=_FIXED_VALUE)
        if name == "_include:iterate" and value not in query.iterate:
            raise BadRequest(
                f"'_include:iterate' can be {', '.join(sorted(query.iterate)) or 'nothing'} here.", detail=_FIXED_VALUE
            )


def _results(parameters: Pairs) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in parameters if name.startswith("_"))


def _require_known(parameters: Pairs, known: frozenset[str] | set[str]) -> None:
    for name, _ in parameters:
        if name not in known:
            text = f"A parameter is not supported here. Known are {', '.join(sorted(known))}."
            raise BadRequest(text, detail="search-not-supported")
