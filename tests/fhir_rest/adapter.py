"""Asks a source that speaks FHIR R4 for what it holds of one patient."""

import json
from collections.abc import Hashable
from urllib.parse import urlencode

from adapters.contract import Resource, Source, SourceError, SourceQuery, Translation, Transport

_HEADERS = {"Accept": "application/fhir+json", "Content-Type": "application/x-www-form-urlencoded"}


class Adapter:
    """The adapter of this package."""

    def question(self, query: SourceQuery) -> Hashable:
        return query.resource_type, query.identifiers

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        asked = [("patient.identifier", "|".join(each)) for each in query.identifiers]
        response = await transport.post(f"{source.endpoint}/{query.resource_type}/_search", urlencode(asked).encode(), _HEADERS)
        return self.translate(response.body)

    def translate(self, payload: bytes) -> Translation:
        try:
            resources: list[Resource] = [each["resource"] for each in json.loads(payload).get("entry", [])]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError("structure", "the answer is no searchset") from error
        people = [each for each in resources if each["resourceType"] == "Patient"]
        return Translation(resources, [(one["system"], one["value"]) for each in people for one in _identifiers(each)])


def _identifiers(resource: Resource) -> list[dict[str, str]]:
    found = resource.get("identifier")
    return found if isinstance(found, list) else []
