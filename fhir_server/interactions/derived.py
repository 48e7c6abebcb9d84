"""What the store keeps beside a resource because it follows from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.network.careteam import memberships
from fhir_server.storage.repository import Membership


def members_of(resource: Mapping[str, Any], base: str) -> Sequence[Membership]:
    """Return the memberships that a version of ``resource`` gives."""
    return memberships(resource, base) if resource["resourceType"] == "CareTeam" else ()
