"""A home-care system that speaks FHIR R4: asks what it has of one client, type by type."""

from collections.abc import Hashable

from adapters.contract import Source, SourceQuery, Translation, Transport
from adapters.fhir.asked import Kind

_RECORD = Kind(("CarePlan", "Condition", "Goal", "Observation", "Procedure"))


class Adapter:
    """The adapter ``homecare/fhir``; it keeps nothing between calls."""

    def question(self, query: SourceQuery) -> Hashable:
        """Return what is asked of whom, and how narrowly: each type is a search of its own."""
        return query.identifiers, query.resource_type, query.parameters

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        """Ask for the resources of one type about one client; SourceError for every failure."""
        return await _RECORD.ask(query, source, transport)

    def translate(self, payload: bytes) -> Translation:
        """Translate one Bundle with the Patient whom it is about; SourceError when it is unusable."""
        return _RECORD.translate(payload)
