"""The files that settings name, read as a server reads them: what is wrong with one is told before anything is served."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from adapters import registry
from fhir_server.federation import holder, sources
from fhir_server.medmij.lists.kept import require_lists
from fhir_server.medmij.registry import read_registry
from fhir_server.oauth import clients
from fhir_server.oauth.opening import trusted_issuers, ways_to_log_in
from fhir_server.oauth.remote import Remote
from fhir_server.settings import Settings


def require(settings: Settings) -> None:
    """Read every file; raises InvalidSources, InvalidHolderConsents, InvalidClients, and their like."""
    for read in READ.values():
        read(settings)


def _sources(settings: Settings) -> None:
    if settings.sources:
        sources.read(Path(settings.sources), [each.id for each in registry.manifests()])


def _holder_consents(settings: Settings) -> None:
    if settings.holder_consents:
        holder.read(Path(settings.holder_consents))


def _medmij(settings: Settings) -> None:
    if settings.medmij:
        require_lists(read_registry(Path(settings.medmij)).lists, settings.data_dir / "medmij")


READ: Mapping[str, Callable[[Settings], object]] = {
    "sources": _sources,
    "holder consents": _holder_consents,
    "clients": lambda settings: clients.read(settings.clients),
    "logins": lambda settings: ways_to_log_in(settings, os.environ),
    "MedMij": _medmij,
    "issuers": lambda settings: trusted_issuers(settings, Remote(), os.environ),
}
"""By what a file is about: how it is read; nothing is asked of anybody elsewhere."""
