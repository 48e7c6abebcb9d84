"""What the dispatcher asks of a data service whose requests it carries out; ``medmij/service`` is one."""

from collections.abc import Sequence
from typing import Protocol

from fhir_server.access.actor import Actor
from fhir_server.audit.record import Origin
from fhir_server.errors import FhirError
from fhir_server.interactions.call import Answer, Call, Headers
from fhir_server.interactions.collected import Collected
from fhir_server.interactions.route import Route
from fhir_server.oauth.presented import Presented

Pairs = Sequence[tuple[str, str]]


class Authentication(Protocol):
    """Turns what a request shows into an Actor."""

    def known(self, authorization: bytes | None, now: int) -> Actor | None:
        """Return the actor of a header that was verified before and needs no other proof, None for any other."""
        ...

    async def actor(self, presented: Presented, now: int) -> Actor:
        """Return the actor at the instant ``now`` (microseconds); raises Unauthorized."""
        ...

    def nonce(self, presented: Presented, now: int) -> str:
        """Return the nonce to give out, "" for none."""
        ...


class DataService(Protocol):
    """Narrows what may be asked below ``prefix``, and says of whom; ``name`` is how the record knows it."""

    @property
    def prefix(self) -> str:
        """The path of the FHIR base."""
        ...

    @property
    def name(self) -> str:
        """The name of provider and service."""
        ...

    def origin(self, headers: Headers, origin: Origin) -> Origin:
        """Return ``origin`` with the trace that the caller names."""
        ...

    def echoed(self, headers: Headers) -> Pairs:
        """Return the headers of the answer that repeat those of the request."""
        ...

    def admitted(self, actor: Actor, method: str, route: Route, parameters: Pairs) -> Collected:
        """Return whose data is collected from whom; raises FhirError for what the service does not answer."""
        ...

    def shown(self, call: Call, answer: Answer) -> Answer:
        """Return ``answer``; raises NotFound for what the service does not hold."""
        ...

    def told(self, error: FhirError) -> FhirError:
        """Return ``error`` as a PGO is told of it."""
        ...

    def capabilities(self, parameters: Pairs) -> Answer:
        """Answer what the service can do."""
        ...
