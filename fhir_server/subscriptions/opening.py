"""The parts that work for subscriptions, put together as the settings say."""

import random
from collections.abc import Callable
from typing import Protocol

from fhir_server.access.gate import Gate
from fhir_server.catalog.catalog import Catalog
from fhir_server.network import ozo
from fhir_server.settings import Settings
from fhir_server.storage.repository import Repository, Stored
from fhir_server.subscriptions import endpoint
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.admission import Admission
from fhir_server.subscriptions.bell import Bell
from fhir_server.subscriptions.composer import Composer
from fhir_server.subscriptions.criteria import Reading
from fhir_server.subscriptions.delivery import Channel, RestHook
from fhir_server.subscriptions.headers import HeaderSeal
from fhir_server.subscriptions.mail import Mail, smtp
from fhir_server.subscriptions.matching import Matcher
from fhir_server.subscriptions.postman import Postman
from fhir_server.subscriptions.recorder import Recorder
from fhir_server.subscriptions.switchboard import Switchboard
from fhir_server.subscriptions.worker import Tell, Worker

_HOUR, _DAY = 3_600_000_000, 86_400_000_000


def admission(settings: Settings, key: bytes) -> Admission:
    """Return which Subscriptions are taken; ``key`` (64 bytes) seals their headers."""
    topics = ozo.mode(strict=settings.ozo_strict).topics
    return Admission(
        HeaderSeal(key), endpoint.resolve, Bell(), settings.subscription_allow_loopback, topics, bool(settings.smtp_url)
    )


class Names(Protocol):
    """Knows the dossiers by their names."""

    async def of(self, found: Stored) -> str:
        """Return the dossier ("Patient/id") in which ``found`` is, "" for one that is nobody's."""
        ...


class Parts(Protocol):
    """What the server has besides."""

    @property
    def repository(self) -> Repository:
        """The store."""
        ...

    @property
    def gate(self) -> Gate:
        """The one decision."""
        ...

    @property
    def catalog(self) -> Catalog:
        """The types."""
        ...

    @property
    def dossier_names(self) -> Names:
        """The names of dossiers."""
        ...

    @property
    def subscriptions(self) -> Admission:
        """Which Subscriptions are taken."""
        ...

    @property
    def base(self) -> str:
        """The FHIR base."""
        ...

    @property
    def clock(self) -> Callable[[], int]:
        """The moment in microseconds."""
        ...

    @property
    def new_id(self) -> Callable[[], str]:
        """Fresh ids."""
        ...


async def worker(settings: Settings, parts: Parts, access: Access, tell: Tell, holder: str) -> Worker:
    """Return who works for the subscriptions in this process, under the name ``holder``."""
    admitted, store = parts.subscriptions, parts.repository.subscriptions()
    recorder = Recorder(parts.repository, parts.catalog, parts.dossier_names.of, parts.clock)
    composer = Composer(access, parts.base, parts.new_id, recorder)
    reading = Reading(parts.catalog, parts.base)
    if settings.database.startswith("sqlite"):
        await store.forget_holder()  # the file is this process's own: whoever had a lease is not there any more
    await store.attend(holder)
    hook = RestHook(
        admitted.seal,
        admitted.resolve,
        allow_loopback=settings.subscription_allow_loopback,
        seconds=settings.subscription_timeout,
    )
    channels: dict[str, Channel] = {"rest-hook": hook}
    if settings.smtp_url:
        seconds, place = settings.subscription_timeout, parts.base.removesuffix("/fhir")
        channels["email"] = Mail(smtp(settings.smtp_url, seconds), settings.smtp_sender, place, seconds)
    chance = random.Random(holder).random  # noqa: S311 - only spreads what failed at once
    window = int(settings.subscription_window * _HOUR)
    postman = Postman(store, access, channels, holder, window, chance, composer)
    switchboard = Switchboard(store, composer, parts.new_id, settings.subscription_timeout)
    matcher = Matcher(store, access, reading)
    return Worker(store, matcher, postman, tell, admitted.bell, int(settings.subscription_retention * _DAY), switchboard)
