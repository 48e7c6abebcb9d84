"""The composition root: the only place that names concrete parts, the clock and the source of ids."""

import asyncio
import gc
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, cast

from fhir_server.access import rates
from fhir_server.access.actor import local_system
from fhir_server.access.gate import Gate
from fhir_server.access.roles import load_roles
from fhir_server.audit import clock
from fhir_server.audit.anchors import file_in
from fhir_server.audit.fhir_event import Observer
from fhir_server.audit.keeper import Keeper
from fhir_server.background import background
from fhir_server.catalog import catalog, own
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.catalog.registered import Registered
from fhir_server.federation.opening import federation
from fhir_server.http.cors import cors
from fhir_server.http.fhir import FhirApplication
from fhir_server.http.hub import Hub, Running
from fhir_server.http.metrics import Metrics
from fhir_server.http.origin import Proxies
from fhir_server.http.request import Headers
from fhir_server.http.shell import shell
from fhir_server.http.socket import SocketDoor
from fhir_server.interactions.attachments import Attachments
from fhir_server.interactions.call import Call
from fhir_server.interactions.create import create
from fhir_server.interactions.dossier_names import DossierNames
from fhir_server.interactions.kept_bases import KeptBases
from fhir_server.interactions.own_parameters import OwnParameters
from fhir_server.interactions.parsed import ParsedSearches
from fhir_server.interactions.reindexing import Planned, Reindexing, current
from fhir_server.interactions.services import Services
from fhir_server.interactions.settled_grants import SettledGrants
from fhir_server.interactions.standings import Standings
from fhir_server.interactions.subscription import access_of
from fhir_server.interactions.subscription_status import tell
from fhir_server.interactions.update import update
from fhir_server.medmij import opening as collecting
from fhir_server.model import json
from fhir_server.model.body import Limits
from fhir_server.model.bsn_seal import KEY_BYTES
from fhir_server.network import ozo
from fhir_server.oauth import anchor, endpoint, jws, metadata, opening
from fhir_server.oauth.authorize.opening import Caller, pages
from fhir_server.oauth.keys import derive, secret
from fhir_server.oauth.number_keys import number_seal
from fhir_server.oauth.remote import Remote
from fhir_server.oauth.ring import LEAD, KeyRing, rotate
from fhir_server.oauth.token import TokenRequest, issue
from fhir_server.search.paging import Pager
from fhir_server.settings import Settings, read_settings
from fhir_server.storage import migrate
from fhir_server.storage.attachments.open import files_in, scanner_at
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex import compare, run
from fhir_server.storage.reindex.open import open_index
from fhir_server.storage.repository import Repository
from fhir_server.subscriptions import opening as subscribing
from fhir_server.subscriptions.worker import Worker
from fhir_server.validation.packaged.shelved import ShelvedProfiles

_log = logging.getLogger("fhir_server")


def now() -> int:
    """Return the moment in microseconds since 1970 in UTC."""
    return time.time_ns() // 1000


class Ids:
    """Fresh logical ids of 26 hexadecimal digits, not guessable; random bytes are fetched for many at a time."""

    def __init__(self) -> None:
        """Begin without any."""
        self._left: list[str] = []

    def __call__(self) -> str:
        """Return the next id."""
        if not self._left:
            random = secrets.token_hex(_ID_BYTES * _IDS_AT_ONCE)
            size = 2 * _ID_BYTES
            self._left = [random[start : start + size] for start in range(0, len(random), size)]
        return self._left.pop()


_YOUNG = 5_000  # objects of a few dozen requests: to look for rings among those of each few takes a twentieth of all time
_ID_BYTES = 13
_METHODS = {"privacy-officer": ("mfa",)}  # so that there is a token for development to try this role with
_IDS_AT_ONCE = 256
new_id = Ids()


def application() -> Hub:
    """Return the hub with the settings of the environment (the factory that worker processes call)."""
    return hub(read_settings(os.environ), lasting=True)


def hub(settings: Settings, *, lasting: bool = False) -> Hub:
    """Return the hub that ``settings`` describe; it opens its database when it starts to serve.

    ``lasting``: it is all that this process does, so that what it is made of need never be looked through for garbage.
    """

    async def open_() -> Running:
        services = await open_services(settings)
        remote = Remote()
        granting = opening.authority(settings, services, remote, caller(settings))
        await granting.revocations.look(now())
        keeping = keeper(settings)
        working = await worker(settings, services)
        watch = clock.ClockWatch(settings.clock_limit, now, clock.steady, clock.kernel)
        endless = background(settings, services, granting, keeping, watch)
        looking = [asyncio.create_task(each) for each in (*endless, working.work())]

        async def close() -> None:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
            await working.close()
            await remote.close()
            await services.reindexing.stop()
            await services.federation.close()
            await keeping.once(services.repository)
            await services.repository.close()

        _log.info("open", extra={"base": settings.base, "sources": len(services.federation.sources)})
        metrics = Metrics(lambda: {**working.gauges(), **services.rates.gauges(), **watch.gauges()})
        bearer = opening.authentication(settings, services, granting, opening.trusted_issuers(settings, remote, os.environ))
        proxies = Proxies(settings.proxies)
        app = FhirApplication(services, bearer, metrics, proxies, cors=bool(settings.origins))
        roles, chance = load_roles(services.catalog.types), secret(settings.data_dir, "pages")
        medmij = collecting.medmij(settings, granting)
        ways = replace(opening.ways_to_log_in(settings, os.environ), elsewhere=medmij.consents if medmij else None)
        desk, log_in = pages(granting, services, roles, bearer, remote, chance, ways, caller(settings))
        routers = [endpoint.routes(granting), metadata.routes(granting), log_in]
        routers += collecting.routers(medmij, settings, services, desk) if medmij else []
        collected = {
            each.service.prefix: FhirApplication(each.services, each.bearer, metrics, proxies, service=each.service)
            for each in (collecting.served(medmij, services, granting) if medmij else ())
        }
        door = SocketDoor(working.switchboard, services.subscriptions.seal, now)
        running = Running(app, shell(services.repository, metrics, routers), close, door, cors(settings.origins), collected)
        if lasting:
            collect_seldom()
        return running

    return Hub(open_)


def collect_seldom() -> None:
    """Look for garbage as a server does that lasts: seldom, and never in the catalogue and all else that is there now."""
    gc.collect()
    gc.set_threshold(_YOUNG, 20, 20)
    gc.freeze()  # a collection of the catalogue, which never changes, would hold the event loop for 80 ms now and then


def signer(settings: Settings) -> Callable[[bytes], str]:
    """Return what signs bytes with the key that signs tokens at that moment."""

    def sign(payload: bytes) -> str:
        at = now()
        return jws.sign_detached(KeyRing(settings.data_dir, at).signing(at), payload)

    return sign


def caller(settings: Settings) -> Caller:
    """Return what tells for an ASGI scope from which address the request comes."""
    proxies = Proxies(settings.proxies)
    return lambda scope: proxies.caller(scope, Headers(scope["headers"]))


def rotate_keys(settings: Settings, lead: int = LEAD) -> tuple[str, int]:
    """Make the next signing key; return its kid and the second from which it signs."""
    return rotate(settings.data_dir, now(), lead)


async def open_services(settings: Settings) -> Services:
    """Open the database and put the parts together."""
    services = services_with(settings, await open_repository(settings.database, secret(settings.data_dir, "audit-reasons")))
    await services.parameters.refresh()
    return services


def services_with(settings: Settings, repository: Repository) -> Services:
    """Put the parts together."""
    known = catalog.load()
    types = known.types
    parameters = OwnParameters(known, repository, now)
    mode = ozo.mode(strict=settings.ozo_strict)
    gate = Gate(known, load_roles(types).with_letters(mode.letters).narrowed(mode.types), now)
    files = files_in(settings.attachment_folder, derive(secret(settings.data_dir, "attachments"), "attachments 1"))
    bsn = number_seal(settings.data_dir, now)
    each = (settings.attachment_limit, settings.attachment_timeout, settings.attachment_hours)
    limits = (settings.rate_person, settings.rate_software, settings.rate_address, settings.rate_lookups)
    together = (settings.attachment_waiting, settings.attachment_waiting_size)
    return Services(
        base=settings.base,
        catalog=known,
        repository=repository,
        parameters=parameters,
        settlements=SettledGrants(),
        bases=KeptBases(),
        standings=Standings(repository, gate, settings.base, bsn),
        reindexing=Reindexing(repository, parameters, types, settings.base, now),
        gate=gate,
        federation=federation(settings, secret(settings.data_dir, "sealed-ids")),
        observer=observer_of(settings),
        dossier_names=DossierNames(repository, gate, known, settings.base),
        pager=Pager(secret(settings.data_dir, "paging")),
        limits=Limits(settings.depth_limit, settings.body_limit, settings.entries_limit, settings.body_timeout),
        parsed=ParsedSearches(),
        clock=now,
        new_id=new_id,
        bsn=bsn,
        sign=signer(settings),
        subscriptions=subscribing.admission(settings, derive(secret(settings.data_dir, "subscriptions"), "headers 1", KEY_BYTES)),
        attachments=Attachments(files, scanner_at(settings.virus_scanner), *each, *together),
        rates=rates.Rates(rates.Limits(*limits)),
        bsn_in_url=settings.bsn_in_url,
        privacy_officer=settings.privacy_officer,
        ozo=mode,
        profiles=ShelvedProfiles(shelf(settings)),
        referential_integrity=settings.referential_integrity == "on",
    )


def shelf(settings: Settings) -> Shelf:
    """Return where packages are kept."""
    return Shelf(settings.data_dir / "packages")


async def worker(settings: Settings, services: Services) -> Worker:
    """Return who works for the subscriptions of this process."""
    return await subscribing.worker(settings, services, access_of(services), partial(tell, services), new_id())


def observer_of(settings: Settings) -> Observer:
    """Return who keeps the record."""
    return Observer(settings.base, settings.audit_site, settings.audit_observer, settings.audit_source_type)


def preparing_services(settings: Settings, registered: Sequence[Registered]) -> Services:
    """Return the parts of a process that prepares what another one stores: it has no repository.

    ``registered`` are the search parameters of the user's own (``Catalog.own``), by which it indexes too.
    """
    services = services_with(settings, cast("Repository", None))
    own.join(services.catalog, services.catalog.types, registered)
    return services


def prepare(settings: Settings) -> str:
    """Make the data folder and bring the database to the schema of this version; return that version."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate.upgrade(settings.database)
    return migrate.head()


def token_for(  # noqa: PLR0913 - one argument per claim
    settings: Settings,
    reference: str,
    role: str,
    *,
    ttl: int,
    at: int,
    scope: str = "",
    patient: str = "",
    purpose: str = "",
    reason: str = "",
) -> str:
    """Return an access token signed with the key of the data folder; raises ValueError for a request that makes no sense."""
    request = TokenRequest(reference, role, scope, patient, purpose, reason, lifetime=ttl, methods=_METHODS.get(role, ()))
    return issue(request, KeyRing(settings.data_dir, at).signing(at), opening.issuer(settings), settings.base, at, new_id())


def keeper(settings: Settings) -> Keeper:
    """Return who keeps the record. Raises KeyFileError."""
    key = anchor.anchor_key(settings.data_dir)
    sign, open_ = partial(anchor.signed, key), partial(anchor.opened, key.verifying)
    return Keeper(sign, open_, file_in(settings.data_dir), now, settings.audit_retention_days)


def check_index(settings: Settings, progress: compare.Progress = lambda _done, _total: None) -> compare.Report:
    """Compare the index with one made anew from the resources, and write nothing; a server may run meanwhile."""
    with closing(open_index(settings.database, write=False)) as database:
        return compare.check(database, current(database, catalog.load().types, settings.base), progress)


def reindex(settings: Settings, progress: run.Progress = lambda _phase, _done, _total: None, size: int = run.BATCH) -> run.Summary:
    """Bring the index in order, ``size`` resources at a time. Raises DatabaseInUse, ReindexRunning."""
    with closing(open_index(settings.database, write=True)) as database:
        plan = Planned(database, catalog.load().types, settings.base, now, time.sleep)
        return run.reindex(database, plan, now, progress, size)


def load_resources(
    settings: Settings, resources: Iterable[dict[str, Any]], progress: Callable[[int], None] = lambda _: None
) -> int:
    """Store ``resources`` as the system, in their order; return how many. Raises FhirError for the first that is refused."""
    prepare(settings)
    return asyncio.run(_load(settings, resources, progress))


async def _load(settings: Settings, resources: Iterable[dict[str, Any]], progress: Callable[[int], None]) -> int:
    # Files come in any order, so that what a reference points to may well be stored later than the reference.
    services = await open_services(replace(settings, referential_integrity="off"))
    count = 0
    try:
        for count, resource in enumerate(resources, 1):
            await _store(services, resource)
            progress(count)
    finally:
        await services.repository.close()
    return count


async def _store(services: Services, resource: dict[str, Any]) -> None:
    known = isinstance(resource.get("id"), str)
    call = Call(
        services,
        local_system(),
        "update" if known else "create",
        services.catalog.types[resource["resourceType"]],
        id=resource["id"] if known else "",
        body=json.write(resource),
        request=services.new_id(),
        now=services.clock(),
    )
    await (update(call) if known else create(call))
