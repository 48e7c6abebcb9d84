"""What the tables hold of a stored resource beside its body, made again from that."""

from collections.abc import Callable, Sequence

from fhir_server.catalog.catalog import Entry
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.careteam import memberships
from fhir_server.network.circle import circle
from fhir_server.network.consent import rules
from fhir_server.search.extract import extract
from fhir_server.search.rows import Indexed
from fhir_server.storage.circle import Circle
from fhir_server.storage.consent_rule import Rule
from fhir_server.storage.reindex.expected import Rebuild
from fhir_server.storage.repository import Membership


def rebuilt(entries: Callable[[str], Entry | None], base: str) -> Rebuild:
    """Return what makes index, memberships, rules and circle of type and body, by ``entries``; ``base`` is the server's FHIR base.

    When the rules were made, and by which version, the body does not say: it is 0.
    """

    def rebuild(type_: str, body: bytes) -> tuple[Indexed, Sequence[Membership], Sequence[Rule], Circle] | None:
        entry = entries(type_)
        if entry is None:
            return None
        resource = read(body, OWN).resource
        members = memberships(resource, base) if type_ == "CareTeam" else ()
        said = rules(resource, base, 0, 0) if type_ == "Consent" else ()
        return extract(resource, entry, base), members, said, circle(resource, base)

    return rebuild
