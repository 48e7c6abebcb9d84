"""The door of MedMij, put together as the settings say."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import APIRouter

from fhir_server.interactions.parsed import ParsedSearches
from fhir_server.interactions.services import Services
from fhir_server.medmij import router, token
from fhir_server.medmij.consents import MedMijConsents
from fhir_server.medmij.door import Door
from fhir_server.medmij.lists.kept import Lists
from fhir_server.medmij.registry import Registry, read_registry
from fhir_server.medmij.service.bearer import CollectingBearer
from fhir_server.medmij.service.data_service import CollectingService
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.certificate import Certificates
from fhir_server.settings import Settings

PACKAGE = "fhir_server.medmij.authorize"


@dataclass(frozen=True, slots=True)
class MedMij:
    """What of the door does not need the pages: ``consents`` is how these know it."""

    registry: Registry
    lists: Lists
    pages: Pages
    consents: MedMijConsents


@dataclass(frozen=True, slots=True)
class Served:
    """One data service to serve: what narrows the dispatcher, who is let in, and the parts that it works with."""

    service: CollectingService
    bearer: CollectingBearer
    services: Services


def medmij(settings: Settings, authority: Authority) -> MedMij | None:
    """Read registry and lists, None where the settings name no registry. Raises InvalidRegistry, InvalidList."""
    if not settings.medmij:
        return None
    registry = read_registry(Path(settings.medmij))
    lists, pages = Lists(registry.lists, settings.data_dir / "medmij"), Pages(PACKAGE)
    return MedMij(registry, lists, pages, MedMijConsents(registry, lists, pages, authority))


def routers(found: MedMij, settings: Settings, services: Services, desk: Desk) -> list[APIRouter]:
    """Return the routes of the authorization server."""
    certificates = Certificates.of(settings.client_cert_header, settings.trusted_proxies)
    door = Door(found.registry, found.lists, services, desk, found.pages, certificates)
    return [router.routes(door), token.routes(door)]


def served(found: MedMij, services: Services, authority: Authority) -> Iterator[Served]:
    """Yield every data service of every provider."""
    for provider in found.registry.providers.values():
        for each in provider.services.values():
            service = CollectingService(provider, each, services.catalog, authority.issuer)
            bearer = CollectingBearer(authority.ring.verifying, authority.issuer, authority.revocations.revoked, provider, each)
            yield Served(service, bearer, replace(services, base=authority.issuer + service.prefix, parsed=ParsedSearches()))
