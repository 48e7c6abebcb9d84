"""The federation, put together as the settings say."""

from dataclasses import replace
from pathlib import Path

from adapters import registry
from fhir_server.federation import holder, sources
from fhir_server.federation.hub import Federation
from fhir_server.federation.sealed_id import Seal
from fhir_server.settings import Settings


def federation(settings: Settings, key: bytes) -> Federation:
    """Return the declared sources with their adapters; ``key`` seals ids. Raises InvalidSources, ManifestError."""
    manifests = {each.id: each for each in registry.manifests()}
    declared = sources.read(Path(settings.sources), manifests) if settings.sources else ()
    made = Federation.of(declared, manifests, registry.load, Seal(key), settings.fan_out_budget)
    return replace(made, holder=holder.read(Path(settings.holder_consents))) if settings.holder_consents else made
