"""The links between the entries of a transaction (https://hl7.org/fhir/R4/http.html#trules, .../bundle.html#references).

A reference to the ``fullUrl`` of another entry becomes "Type/id", whatever kind of URL that is, and relative references count from
the fullUrl of the entry that they stand in. In uri and url (Attachment.url too), and in the links of a narrative, only
``urn:uuid:`` and ``urn:oid:`` full URLs are replaced: an http URL there may be the name of something, and has to stay. A canonical
stays whatever it is, as R4 has it. Elements of type uuid and oid stay as well, since "Type/id" would be no valid value of
them. A conditional reference becomes the one resource that matches it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from fhir_server.errors import BadRequest, PreconditionFailed
from fhir_server.interactions.bsn import query_sealed
from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import criteria_of
from fhir_server.model.reference import parse
from fhir_server.model.references import literals, places
from fhir_server.model.rewrite import rewritten
from fhir_server.search.query_string import parse_query

_URN = ("urn:uuid:", "urn:oid:")
_ON_A_SERVER = re.compile(r"(?P<root>https?://.+)/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?.*", re.DOTALL)
_NOTHING = "No resource matches the criteria of this reference. Store what it refers to first, or correct the criteria."
_SEVERAL = "Several resources match the criteria of this reference. Give criteria that only one can match, such as an identifier."


class Links(NamedTuple):
    """Where entries will be: "Type/id" by fullUrl, and what conditional references ("Patient?identifier=...") matched."""

    targets: Mapping[str, str]
    matched: Mapping[str, str] = {}

    def resolve(self, resource: Mapping[str, Any], full_url: str) -> dict[str, Any]:
        """Return ``resource``, which stands in the entry ``full_url`` ("" for none), with its links replaced."""
        match = _ON_A_SERVER.fullmatch(full_url)
        root = match["root"] if match else ""
        return rewritten(resource, lambda literal: self._reference(literal, root), self._uri)

    def _reference(self, literal: str, root: str) -> str:
        if literal in self.matched:
            return self.matched[literal]
        if root and parse(literal):
            return self.targets.get(f"{root}/{literal}", literal)
        return self.targets.get(literal, literal)

    def _uri(self, value: str) -> str:
        return self.targets.get(value, value) if value.startswith(_URN) else value


def conditional(resource: Mapping[str, Any]) -> Iterator[str]:
    """Yield the conditional references of ``resource``."""
    return (each for each in literals(resource) if _CONDITIONAL.fullmatch(each))


async def match(call: Call, literal: str, resource: Mapping[str, Any]) -> str:
    """Return the "Type/id" that the conditional reference ``literal`` of ``resource`` means to the caller of ``call``.

    It is looked up in the store as it was before the transaction (https://hl7.org/fhir/R4/http.html#trules). Raises
    PreconditionFailed unless exactly one resource matches that the caller may see.
    """
    type_, _, query = literal.partition("?")
    expression = next((place for place, text in places(resource) if text == literal), "")
    entry = call.services.catalog.types.get(type_)
    if entry is None:
        raise BadRequest("There is no such resource type here; /metadata lists those that are.", expression=expression)
    try:
        criteria = criteria_of(replace(call, entry=entry), parse_query(query.encode()), in_url=False)
    except BadRequest as error:
        error.issues = tuple(replace(issue, expression=expression) for issue in error.issues)
        raise
    page = await call.services.repository.search(criteria.grant, query_sealed(call, criteria.query))
    if page.more or not page.resources:
        detail = "multiple-matches" if page.more else "no-match"
        raise PreconditionFailed(_SEVERAL if page.more else _NOTHING, expression=expression, detail=detail)
    return f"{type_}/{page.resources[0].id}"
