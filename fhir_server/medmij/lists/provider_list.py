"""Our part of the list of providers (ZAL, release 3): from whom a PGO can collect here, and at which addresses.

https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/244975569 (Interfaces lijsten)
"""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from fhir_server.medmij.catalogue import Service
from fhir_server.medmij.door import AUTHORIZE, TOKEN
from fhir_server.medmij.registry import Provider, Registry
from fhir_server.medmij.service.data_service import path

NAMESPACE: Final = "xmlns://afsprakenstelsel.medmij.nl/zorgaanbiederslijst/release3/"


class UnlistedAddress(ValueError):
    """The addresses of this server may not stand in the list; the text says why."""


def provider_list(registry: Registry, root: str, number: int, stamp: datetime) -> bytes:
    """Return the list with the providers of ``registry`` alone, as XML.

    ``root`` is the address of this server, without a path; ``number`` and ``stamp`` (with a zone) are those of the publication.
    Raises UnlistedAddress unless ``root`` is https without a port: people's browsers are sent there.
    """
    parts = urlsplit(root)
    if parts.scheme != "https" or parts.netloc != parts.hostname or parts.path:
        raise UnlistedAddress(f"the list takes https addresses without a port, not {root}: set FHIR_SERVER_BASE_URL")
    top = etree.Element(_name("Zorgaanbiederslijst"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # as lxml calls the default one
    _text(top, "Tijdstempel", stamp.isoformat(timespec="seconds"))
    _text(top, "Volgnummer", str(number))
    providers = _child(top, "Zorgaanbieders")
    for each in registry.providers.values():
        _provider(providers, each, registry.interface, root)
    return etree.tostring(top, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _provider(parent: etree._Element, provider: Provider, interface: str, root: str) -> None:
    element = _child(parent, "Zorgaanbieder")
    _text(element, "Zorgaanbiedernaam", f"{provider.id}@medmij")
    _text(element, "Aanbiedertype", provider.kind)
    version = _child(_child(element, "Interfaceversies"), "Interfaceversie")
    _text(version, "InterfaceversieId", interface)
    services = _child(version, "Gegevensdiensten")
    for each in provider.services.values():
        _service(services, provider, each, root)


def _service(parent: etree._Element, provider: Provider, service: Service, root: str) -> None:
    element = _child(parent, "Gegevensdienst")
    _text(element, "GegevensdienstId", service.id)
    _text(_child(element, "AuthorizationEndpoint"), "AuthorizationEndpointuri", root + AUTHORIZE)
    _text(_child(element, "TokenEndpoint"), "TokenEndpointuri", root + TOKEN)
    role = _child(_child(element, "Systeemrollen"), "Systeemrol")
    _text(role, "Systeemrolcode", service.role)
    _text(_child(role, "ResourceEndpoint"), "ResourceEndpointuri", root + path(provider, service))


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, _name(name))


def _text(parent: etree._Element, name: str, text: str) -> None:
    _child(parent, name).text = text


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
