"""The names of organisations, for whoever reads figures."""

from collections.abc import Iterable

from fhir_server.interactions.call import Call
from fhir_server.interactions.record_events import named
from fhir_server.model.body import OWN
from fhir_server.model.json import read


async def organisation_names(call: Call, references: Iterable[str]) -> dict[str, str]:
    """Return the names of those of ``references`` ("Organization/id") that are stored."""
    grants = [call.services.gate.naming("Organization")]
    stored = await call.services.repository.fetch(grants, [each for each in references if each.startswith("Organization/")])
    return {f"Organization/{each.id}": named(read(each.body, OWN).resource).name for each in stored}
