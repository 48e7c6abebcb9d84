"""Taking back what a PGO was given."""

from fhir_server.medmij.parties import client_of, provider_in
from fhir_server.oauth.authority import Authority


async def revoke(authority: Authority, subject: str, host: str, provider: str) -> None:
    """Revoke every token that the PGO at ``host`` has of ``subject`` ("Type/id") for ``provider``."""
    now = authority.clock()
    for family, granted in (await authority.store.authorizations(subject, now)).items():
        if granted.client == client_of(host) and provider_in(granted.scope) == provider:
            await authority.store.revoke_family(family, now)
    await authority.revocations.look(now)
