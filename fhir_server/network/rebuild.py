"""What the index holds of a stored resource, made again from its body."""

from collections.abc import Callable, Sequence

from fhir_server.catalog.catalog import Entry
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.careteam import memberships
from fhir_server.search.extract import extract
from fhir_server.search.rows import Indexed
from fhir_server.storage.reindex.expected import Rebuild
from fhir_server.storage.repository import Membership


def rebuilt(entries: Callable[[str], Entry | None], base: str) -> Rebuild:
    """Return what makes index and memberships of type and body, by ``entries``; ``base`` is the server's FHIR base."""

    def rebuild(type_: str, body: bytes) -> tuple[Indexed, Sequence[Membership]] | None:
        entry = entries(type_)
        if entry is None:
            return None
        resource = read(body, OWN).resource
        return extract(resource, entry, base), memberships(resource, base) if type_ == "CareTeam" else ()

    return rebuild
