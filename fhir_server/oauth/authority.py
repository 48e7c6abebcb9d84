"""What the doors of the authorization server work with; ``bootstrap`` puts it together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fhir_server.oauth.clients import Clients
from fhir_server.oauth.store import AuthorizationStore
from fhir_server.storage.repository import AuditRow


@dataclass(frozen=True, slots=True)
class Authority:
    """The parts of the authorization server at ``issuer`` (a URL without a slash at its end) for the FHIR base ``audience``.

    ``clock`` gives microseconds since 1970 in UTC, ``new_id`` a fresh id that nobody can guess. ``record`` appends a line to the
    record: nothing is given out before it returned. ``token_lifetime`` is in seconds.
    """

    issuer: str
    audience: str
    clients: Clients
    store: AuthorizationStore
    record: Callable[[AuditRow], Awaitable[None]]
    clock: Callable[[], int]
    new_id: Callable[[], str]
    token_lifetime: int
