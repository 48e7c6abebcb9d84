"""The authorization server and what reads its tokens, put together as the settings say."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from fhir_server.access.actor import local_system
from fhir_server.interactions.identified import identified
from fhir_server.interactions.services import Services
from fhir_server.oauth import clients
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.oidc.provider import read_providers
from fhir_server.oauth.authorize.opening import Caller, LogIn
from fhir_server.oauth.bearer import Bearer
from fhir_server.oauth.certificate import Certificates
from fhir_server.oauth.claims import Expected
from fhir_server.oauth.client_keys import ClientKeys
from fhir_server.oauth.client_proof import ClientDoor
from fhir_server.oauth.dpop import Proofs
from fhir_server.oauth.failures import Failures
from fhir_server.oauth.issuer import Issuer, Issuers
from fhir_server.oauth.issuer_file import Surroundings, read_issuers
from fhir_server.oauth.nonces import nonces
from fhir_server.oauth.remote import Remote
from fhir_server.oauth.replays import MemoryReplays, Replays, StoredReplays
from fhir_server.oauth.revocations import Revocations
from fhir_server.oauth.ring import KeyRing
from fhir_server.settings import Settings
from profiles.demo import persons


def authority(settings: Settings, services: Services, remote: Remote, caller: Caller) -> Authority:
    """Put the parts of the authorization server together. Raises InvalidClients, KeyFileError."""
    repository = services.repository
    store = repository.authorization()
    known = clients.read(settings.clients)
    door = ClientDoor(known, ClientKeys(remote).keys, store, f"{issuer(settings)}/oauth/token", Failures())
    return Authority(
        issuer=issuer(settings),
        audience=settings.base,
        clients=known,
        store=store,
        ring=KeyRing(settings.data_dir, services.clock()),
        revocations=Revocations(store),
        door=door,
        proofs=Proofs(_replays(settings, services), nonces(settings)),
        record=repository.record,
        caller=caller,
        clock=services.clock,
        new_id=services.new_id,
        token_lifetime=settings.token_lifetime,
        standing=services.standings.now,
    )


def authentication(settings: Settings, services: Services, granting: Authority, trusted: tuple[Issuer, ...]) -> Bearer:
    """Return what makes an Actor of what a request shows; with ``auth`` off, no Authorization header means the system."""
    return Bearer(
        granting.ring.verifying,
        Expected(issuer=issuer(settings), audience=settings.base),
        issuers=Issuers(trusted, settings.base, partial(identified, services)),
        proofs=granting.proofs,
        certificates=Certificates.of(settings.client_cert_header, settings.trusted_proxies),
        revoked=granting.revocations.revoked,
        anonymous=local_system() if settings.auth == "off" else None,
    )


def ways_to_log_in(settings: Settings, environment: Mapping[str, str]) -> LogIn:
    """Return how people log in; the development login is never where others than this machine can come. Raises InvalidProviders."""
    providers = read_providers(settings.login_providers, environment)
    if settings.development_login == "off" or not settings.on_loopback:
        closed = settings.base.startswith("http:") and not settings.on_loopback
        return LogIn(providers, settings.login_attempts, closed=closed)
    return LogIn(providers, settings.login_attempts, tuple(each["reference"] for each in persons().values()))


def _replays(settings: Settings, services: Services) -> Replays:
    """Return what remembers proofs: this process where there is only one, the database where there may be several."""
    if settings.database.startswith("sqlite"):
        return MemoryReplays(services.clock())
    return StoredReplays(services.repository.authorization().first_use)


def trusted_issuers(settings: Settings, remote: Remote, environment: Mapping[str, str]) -> tuple[Issuer, ...]:
    """Return the other issuers whose tokens are accepted; raises InvalidIssuers."""
    if not settings.issuers:
        return ()
    return read_issuers(Path(settings.issuers), Surroundings(settings.base, issuer(settings), environment, remote))


def issuer(settings: Settings) -> str:
    """Return the issuer of the server's own tokens: the root of its base URL."""
    return settings.base.removesuffix("/fhir")
