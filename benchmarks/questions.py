"""The searches that are measured, as the server itself reads them, about one client or another."""

from collections.abc import Awaitable, Callable

from benchmarks.network.numbers import id_of
from benchmarks.network.scale import Scale
from benchmarks.stage import Database
from fhir_server.access.actor import local_system
from fhir_server.interactions.services import Services
from fhir_server.search.parse import parse
from fhir_server.search.query_string import parse_query
from fhir_server.search.tree import Query
from fhir_server.storage.repository import Grant

BY_STATUS = "status=completed&sent=ge2025-06-01&_sort=-sent&_count=20"
BY_CLIENT = "patient=Patient/{client}&sent=ge2019-01-01&_sort=-sent&_count=20"
THREE = "patient=Patient/{client}&status=completed&category=notification&_sort=-sent&_count=20"
ONE = "patient=Patient/{client}&_sort=-sent&_count=20"


def asked(services: Services, scale: Scale, question: str, number: int) -> tuple[Grant, Query]:
    """Return the grant of the system and the query about messages for ``question``, about a client that depends on ``number``."""
    client = id_of("Patient", number * 7919 % scale.clients, scale.seed)
    entry = services.catalog.types["Communication"]
    wanted = parse(entry, parse_query(question.format(client=client).encode()), limit=1000, catalog=services.catalog)
    return services.gate.grant(local_system(), "search-type", "Communication"), wanted.query


def searching(services: Services, database: Database, question: str, rounds: int) -> Callable[[int], Awaitable[object]]:
    """Return what carries out the search of a round; the queries are made beforehand."""
    made = [asked(services, database.scale, question, number) for number in range(rounds)]
    return lambda number: services.repository.search(*made[number])
