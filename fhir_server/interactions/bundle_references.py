"""The links between the entries of a transaction (https://hl7.org/fhir/R4/http.html#trules, .../bundle.html#references).

A reference to the ``fullUrl`` of another entry becomes "Type/id", whatever kind of URL that is, and relative references count from
the fullUrl of the entry that they stand in. In uri, url and canonical (Attachment.url too) only ``urn:uuid:`` and ``urn:oid:`` full
URLs are replaced: an http URL there may be the name of something, such as a canonical url, and has to stay. Elements of type uuid
and oid stay as well, since "Type/id" would be no valid value of them; so does narrative.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fhir_server.errors import BadRequest
from fhir_server.model.reference import parse
from fhir_server.model.rewrite import rewritten

_URN = ("urn:uuid:", "urn:oid:")
_ON_A_SERVER = re.compile(r"(?P<root>https?://.+)/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?.*", re.DOTALL)


class Links(NamedTuple):
    """Where entries will be: "Type/id" by fullUrl."""

    targets: Mapping[str, str]

    def resolve(self, resource: Mapping[str, Any], full_url: str) -> dict[str, Any]:
        """Return ``resource``, which stands in the entry ``full_url`` ("" for none), with its links to other entries replaced.

        Raises BadRequest for a conditional reference ("Patient?identifier=..."), which is not supported.
        """
        match = _ON_A_SERVER.fullmatch(full_url)
        root = match["root"] if match else ""
        return rewritten(resource, lambda literal: self._reference(literal, root), self._uri)

    def _reference(self, literal: str, root: str) -> str:
        if _CONDITIONAL.fullmatch(literal):
            raise BadRequest(
                "Conditional references are not supported: search first, then refer to the id.", detail="conditional-not-supported"
            )
        if root and parse(literal):
            return self.targets.get(f"{root}/{literal}", literal)
        return self.targets.get(literal, literal)

    def _uri(self, value: str) -> str:
        return self.targets.get(value, value) if value.startswith(_URN) else value
