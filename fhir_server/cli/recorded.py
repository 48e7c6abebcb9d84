"""What the commands on the record read, also while a server runs."""

from collections.abc import Mapping

from fhir_server.audit.report import Figure, measure_report
from fhir_server.bootstrap import now
from fhir_server.model import json
from fhir_server.search.months import month
from fhir_server.settings import Settings
from fhir_server.storage.record_reader import Touch, open_record


def usage_report(settings: Settings, of: str) -> bytes:
    """Return the MeasureReport on the month ``of`` ("YYYY-MM") as JSON. Raises DateError."""
    low, high = month(of)
    with open_record(settings.database) as record:
        return json.write(measure_report((Figure(*row) for row in record.figures(low, high)), low, high, now()))


def touched(settings: Settings, by: Mapping[str, str], since: int, until: int) -> list[Touch]:
    """Return whose dossiers were touched from ``since`` to ``until`` by whom ``by`` says ("actor", "client", ...)."""
    with open_record(settings.database) as record:
        return record.touched(by, since, until)
