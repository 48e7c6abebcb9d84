"""What the commands on the record read, also while a server runs."""

from collections.abc import Mapping

from fhir_server.audit.report import Figure, measure_report
from fhir_server.bootstrap import now
from fhir_server.model import json
from fhir_server.settings import Settings
from fhir_server.storage import beside
from fhir_server.storage.record_reader import Touch, open_record


def usage_report(settings: Settings, low: int, high: int) -> bytes:
    """Return the MeasureReport on the time from ``low`` to ``high`` (microseconds) as JSON."""
    beside.project(settings.database)
    with open_record(settings.database) as record:
        return json.write(measure_report((Figure(*row) for row in record.figures(low, high)), low, high, now()))


def touched(settings: Settings, by: Mapping[str, str], since: int, until: int) -> list[Touch]:
    """Return whose dossiers were touched from ``since`` to ``until`` by whom ``by`` says ("actor", "client", ...)."""
    beside.project(settings.database)
    with open_record(settings.database) as record:
        return record.touched(by, since, until)
