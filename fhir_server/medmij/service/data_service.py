"""One data service of one provider, as the dispatcher asks it: what it answers, about whom, and in which words it refuses.

Everything else is done as below ``/fhir``: the same dispatcher, gate, sources and record.
"""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.access.actor import Actor
from fhir_server.audit.record import Origin
from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import BadRequest, FhirError, Forbidden, NotFound
from fhir_server.interactions.call import Answer, Call, Headers
from fhir_server.interactions.collected import Collected
from fhir_server.interactions.route import Route
from fhir_server.interactions.subsets import one
from fhir_server.medmij.catalogue import Query, Service
from fhir_server.medmij.correlation import CORRELATION, REQUEST, trace_id, uuid_in
from fhir_server.medmij.registry import Provider
from fhir_server.medmij.service.asked import asked_of, insufficient_scope
from fhir_server.medmij.service.statement import statement
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.search.extract import extract
from fhir_server.search.match import holds
from fhir_server.search.parse import parse
from fhir_server.search.rows import Indexed

_OUTSIDE: Final = "insufficient_scope"
_OK: Final = 200


class CollectingService:
    """A data service at ``prefix`` of the server whose root is ``root``."""

    def __init__(self, provider: Provider, service: Service, catalog: Catalog, root: str) -> None:
        """Serve ``service`` of ``provider``."""
        self._provider, self._service, self._catalog = provider, service, catalog
        self.prefix = path(provider, service)
        self.name = f"{provider.id}/{service.id}"
        self._statement = write(statement(provider, service, catalog, root + self.prefix))

    def origin(self, headers: Headers, origin: Origin) -> Origin:
        """Return ``origin`` with the correlation id of MedMij as its trace, where the request has one."""
        correlation = uuid_in(headers.get(CORRELATION.lower()))
        return origin._replace(trace=f"{trace_id(correlation)}-{origin.trace.rpartition('-')[2]}") if correlation else origin

    def echoed(self, headers: Headers) -> Sequence[tuple[str, str]]:
        """Return the header that repeats the id of the request."""
        request = uuid_in(headers.get(REQUEST.lower()))
        return [(REQUEST, request)] if request else []

    def admitted(self, actor: Actor, method: str, route: Route, parameters: Sequence[tuple[str, str]]) -> Collected:
        """Return whose data is collected from whom. Raises Forbidden, NotAllowed, BadRequest."""
        if not actor.scopes:
            raise insufficient_scope("The access token is for another provider, or for other data services.")
        fixed = asked_of(self._service, method, route, parameters)
        return Collected(actor.patient, self._provider.organisation, tuple(fixed))

    def shown(self, call: Call, answer: Answer) -> Answer:
        """Return ``answer``; raises NotFound for a resource that no search of this service would find."""
        if call.interaction != "read" or answer.status != _OK or not answer.body or call.type not in self._service.searched:
            return answer
        resource = read(answer.body, OWN).resource
        indexed = extract(resource, call.entry, call.services.base)
        if not any(_finds(query, call, resource, indexed) for query in self._service.searches if query.type == call.type):
            raise NotFound(_UNKNOWN)
        return answer

    def told(self, error: FhirError) -> FhirError:
        """Return ``error`` in the words of the Resource interface: what is out of reach is not there."""
        if isinstance(error, Forbidden) and error.issues[0].detail != _OUTSIDE:
            return NotFound(_UNKNOWN)
        if isinstance(error, BadRequest):
            error.headers = (*error.headers, (b"www-authenticate", b'Bearer error="invalid_request"'))
        return error

    def capabilities(self, parameters: Sequence[tuple[str, str]]) -> Answer:
        """Answer the CapabilityStatement. Raises BadRequest for a subset that it does not have."""
        return Answer(_OK, one(self._statement, "CapabilityStatement", parameters))


_UNKNOWN: Final = "No such resource. Check the type and the id."


def path(provider: Provider, service: Service) -> str:
    """Return the path of the FHIR base of ``service`` of ``provider``."""
    return f"/medmij/{provider.id}/{service.id}/fhir"


def _finds(query: Query, call: Call, resource: dict[str, Any], indexed: Indexed) -> bool:
    wanted = parse(call.entry, query.fixed, base=call.services.base + "/", catalog=call.services.catalog)
    return holds(wanted.query.where, resource, call.entry, indexed)
