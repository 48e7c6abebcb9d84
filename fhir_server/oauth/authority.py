"""What the doors of the authorization server work with; ``bootstrap`` puts it together."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from fhir_server.network.standing import Standing
from fhir_server.oauth.client_proof import ClientDoor
from fhir_server.oauth.clients import Client, Clients
from fhir_server.oauth.dpop import Proofs
from fhir_server.oauth.revocations import Revocations
from fhir_server.oauth.ring import KeyRing
from fhir_server.oauth.store import AuthorizationStore, Granted
from fhir_server.storage.repository import AuditRow

Interaction = Literal["token", "login", "logout", "revoke", "introspect", "authorize"]


@dataclass(frozen=True, slots=True)
class Authority:
    """The parts of the authorization server at ``issuer`` (a URL without a slash at its end) for the FHIR base ``audience``.

    ``clock`` gives microseconds since 1970 in UTC, ``new_id`` a fresh id that nobody can guess. ``record`` appends a line to the
    record: nothing is given out before it returned. ``token_lifetime`` is in seconds. ``caller`` gives the address from
    which an ASGI scope comes. ``standing`` tells of a person ("Type/id") and an instant who that is then, and whether still there.
    """

    issuer: str
    audience: str
    clients: Clients
    store: AuthorizationStore
    ring: KeyRing
    revocations: Revocations
    door: ClientDoor
    proofs: Proofs
    record: Callable[[AuditRow], Awaitable[None]]
    caller: Callable[[MutableMapping[str, Any]], str]
    clock: Callable[[], int]
    new_id: Callable[[], str]
    token_lifetime: int
    standing: Callable[[str, int], Awaitable[Standing]]

    def lifetime(self, client: Client) -> int:
        """Return for how many seconds an access token of ``client`` lives."""
        return min(client.token_lifetime or self.token_lifetime, self.token_lifetime)

    async def note(
        self,
        interaction: Interaction,
        status: int,
        now: int,
        *,
        client: str = "",
        granted: Granted | None = None,
        address: str = "",
        detail: str = "",
    ) -> None:
        """Append a line on what ``client`` did, in the name of whom ``granted`` names. ``detail`` is a short code, no secret."""
        await self.record(
            AuditRow(
                recorded=now,
                actor=granted.subject if granted else "",
                role=granted.role if granted else "",
                action="E",
                interaction=interaction,
                status=status,
                purpose=granted.purpose if granted else "",
                organisation=granted.organisation if granted else "",
                reason=granted.reason if granted else "",
                client=client,
                request=self.new_id(),
                address=address,
                detail=detail,
            )
        )

    async def revoke_subject(self, reference: str) -> None:
        """Take from a person ("Type/id") who leaves all log-ins and tokens; other processes know within two seconds."""
        now = self.clock()
        await self.store.revoke_subject(reference, now)
        await self.revocations.look(now)
        await self.note("revoke", 200, now, detail=f"subject {reference}")

    async def revoke_family(self, family: str, granted: Granted) -> None:
        """Take from a client all that came from one authorization; other processes know within two seconds."""
        now = self.clock()
        await self.store.revoke_family(family, now)
        await self.revocations.look(now)
        await self.note("revoke", 200, now, client=granted.client, granted=granted, detail="left the organisation")
