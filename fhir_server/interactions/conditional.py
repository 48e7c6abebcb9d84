"""What conditional create, update, patch and delete share: criteria, and the one resource that they name.

https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #3.1.0.7.1. Nothing outside the caller's dossiers matches, so that no
answer tells what lies there. Nothing can come between matching and writing: a commit takes the criteria that must match nothing
even then, and a resource that matched is written only if it is still the version that did. Chained criteria are refused, since they
would depend on other resources too.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from fhir_server.errors import BadRequest, PreconditionFailed
from fhir_server.interactions.bsn import query_sealed
from fhir_server.interactions.call import Call
from fhir_server.interactions.parameters import in_url as stands_in_url
from fhir_server.interactions.write import Write
from fhir_server.search.parse import parse
from fhir_server.search.query_string import parse_query
from fhir_server.search.results import RESULTS
from fhir_server.storage.repository import Criteria, Stored, VersionConflict

_OF_THE_ANSWER: Final = frozenset({"_format", "_pretty"})


class Resolved(NamedTuple):
    """What the criteria of a write came to: the one resource that matches them, None when nothing does."""

    criteria: Criteria
    found: Stored | None


def is_conditional(call: Call) -> bool:
    """Tell whether criteria say which resource ``call`` is about."""
    return _asked_of_create(call) if call.interaction == "create" else not call.id


async def resolved(call: Call) -> Resolved:
    """Look up the criteria of ``call``; raises BadRequest when they are none, PreconditionFailed when several resources match."""
    criteria = of_create(call) if call.interaction == "create" else of_url(call)
    criteria = replace(criteria, query=query_sealed(call, criteria.query))
    return Resolved(criteria, await resolve(call, criteria))


def of_header(call: Call) -> Criteria:
    """Return the criteria of ``If-None-Exist``; raises BadRequest. They stand in no URL: a BSN is allowed among them."""
    query = call.headers.get("if-none-exist").removeprefix("?")
    if not query.isascii():
        raise BadRequest("If-None-Exist has characters beyond ASCII: percent-encode them, as in a URL.")
    return criteria_of(call, parse_query(query.encode()), in_url=False)


def _asked_of_create(call: Call) -> bool:
    """Tell whether a create is conditional: by ``If-None-Exist``, or by criteria in its URL, as some clients send them.

    FHIR gives a create no parameters; to leave criteria out of account would make a second resource where one was to be found.
    """
    return "if-none-exist" in call.headers or any(name not in _OF_THE_ANSWER for name, _ in call.parameters)


def of_create(call: Call) -> Criteria:
    """Return the criteria of a conditional create: those of the header, where there are both; raises BadRequest."""
    return of_header(call) if "if-none-exist" in call.headers else of_url(call)


def of_url(call: Call) -> Criteria:
    """Return the criteria in the URL of ``call``; raises BadRequest. That of an entry of a Bundle travels in the body."""
    return criteria_of(call, [each for each in call.parameters if each[0] not in _OF_THE_ANSWER], in_url=stands_in_url(call))


async def resolve(call: Call, criteria: Criteria) -> Stored | None:
    """Return the one resource that matches, None when none does; raises PreconditionFailed when several do."""
    page = await call.services.repository.search(criteria.grant, criteria.query)
    if page.more:
        text = "Several resources match. Give criteria that only one can match, such as an identifier."
        raise PreconditionFailed(text, detail="multiple-matches")
    return page.resources[0] if page.resources else None


def require_still(write: Write, matched: Stored) -> Write:
    """Return ``write``; raises VersionConflict when it does not follow the version that matched."""
    follows = write.change.expected if write.change else write.answer.version
    if follows != matched.version:
        raise VersionConflict
    return write


def criteria_of(call: Call, parameters: Sequence[tuple[str, str]], *, in_url: bool) -> Criteria:
    """Return the criteria that ``parameters`` are, for the type of ``call`` and the eyes of its caller; raises BadRequest."""
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    if any(name.partition(":")[0] in RESULTS for name, _ in parameters):
        raise BadRequest("Criteria are search parameters that name a resource; leave out those that shape an answer.")
    wanted = parse(call.entry, parameters, base=call.services.base + "/", in_url=in_url)
    if wanted.warnings:
        raise BadRequest(
            wanted.warnings[0].text.replace("it was ignored", "criteria are never ignored"), detail="search-parameter-unknown"
        )
    if not parameters:
        raise BadRequest("There are no criteria. Give the id of the resource, or search parameters that only it matches.")
    return Criteria(grant, replace(wanted.query, count=1))
