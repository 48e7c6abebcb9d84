"""What the interactions work with; ``bootstrap`` puts it together, tests put in what they like."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from fhir_server.access.gate import Gate
from fhir_server.access.rates import Rates
from fhir_server.audit.fhir_event import Observer
from fhir_server.catalog.catalog import Catalog
from fhir_server.federation.hub import Federation
from fhir_server.interactions.attachments import Attachments
from fhir_server.interactions.dossier_names import DossierNames
from fhir_server.interactions.kept_bases import KeptBases
from fhir_server.interactions.own_parameters import OwnParameters
from fhir_server.interactions.parsed import ParsedSearches
from fhir_server.interactions.rate_refusals import RateRefusals
from fhir_server.interactions.reindexing import Reindexing
from fhir_server.interactions.settled_grants import SettledGrants
from fhir_server.interactions.standings import Standings
from fhir_server.interactions.turns import Turns
from fhir_server.model.body import Limits
from fhir_server.model.bsn_seal import BsnSeal
from fhir_server.network.ozo import DEFAULT_MODE, Mode
from fhir_server.search.paging import Pager
from fhir_server.storage.repository import Repository
from fhir_server.subscriptions.admission import Admission
from fhir_server.validation.packaged.shelved import ShelvedProfiles


@dataclass(frozen=True, slots=True)
class Services:
    """The parts an interaction may use. ``clock`` gives microseconds since 1970 in UTC, ``new_id`` a fresh logical id.

    ``bsn`` seals the citizen service numbers that are stored; ``bsn_in_url`` says what to do with one in the parameters of a URL.
    ``sign`` gives the detached signature of the hub over bytes.
    ``privacy_officer`` ("Type/id", "" for nobody) reviews what was seen in an emergency.
    ``rates`` says how much a caller may ask for, and ``rate_refusals`` remembers who asked for more.
    ``ozo`` is how much the server is like OZO.
    ``profiles`` are those of the packages that were added.
    ``subscriptions`` says which Subscriptions are taken, and wakes who works for them.
    ``referential_integrity`` says whether references to the dossier must lead somewhere (``interactions/integrity.py``).
    """

    base: str
    catalog: Catalog
    repository: Repository
    parameters: OwnParameters
    standings: Standings
    settlements: SettledGrants
    bases: KeptBases
    reindexing: Reindexing
    gate: Gate
    federation: Federation
    dossier_names: DossierNames
    observer: Observer
    pager: Pager
    limits: Limits
    parsed: ParsedSearches
    clock: Callable[[], int]
    new_id: Callable[[], str]
    bsn: BsnSeal
    sign: Callable[[bytes], str]
    subscriptions: Admission
    attachments: Attachments
    rates: Rates = field(default_factory=Rates)
    rate_refusals: RateRefusals = field(default_factory=RateRefusals)
    turns: Turns = field(default_factory=Turns)
    referential_integrity: bool = True
    bsn_in_url: Literal["refuse", "accept-and-redact"] = "refuse"
    privacy_officer: str = ""
    ozo: Mode = DEFAULT_MODE
    profiles: ShelvedProfiles = field(default_factory=ShelvedProfiles)
