"""What the commands on the record read, also while a server runs."""

from collections.abc import Iterator, Mapping

from fhir_server.access.actor import local_system
from fhir_server.access.gate import Gate
from fhir_server.access.roles import load_roles
from fhir_server.audit.fhir_event import event
from fhir_server.audit.report import Figure, measure_report
from fhir_server.bootstrap import now, observer_of
from fhir_server.catalog import catalog
from fhir_server.model import json
from fhir_server.search.lines import Lines
from fhir_server.search.months import month
from fhir_server.search.tree import And, Date, Dossier
from fhir_server.settings import Settings
from fhir_server.storage.record_reader import Touch, open_record


def usage_report(settings: Settings, of: str) -> bytes:
    """Return the MeasureReport on the month ``of`` ("YYYY-MM") as JSON. Raises DateError."""
    low, high = month(of)
    with open_record(settings.database) as record:
        return json.write(measure_report((Figure(*row) for row in record.figures(low, high)), low, high, now()))


def exported(settings: Settings, since: int, until: int, dossier: str = "") -> Iterator[bytes]:
    """Yield the lines of the record from ``since`` to ``until`` as AuditEvents, oldest first; of one ``dossier`` or all."""
    known = catalog.load()
    grant = Gate(known, load_roles(known.types), now).record(local_system(), "search")
    time = (Date("date", "ge", since, since), Date("date", "lt", until, until))
    where = And((Dossier((dossier,)), *time)) if dossier else And(time)
    with open_record(settings.database) as record:
        for each in record.lines(grant, Lines(where, 0, descending=False)):
            if since <= each.line.recorded < until:
                clients = [dossier] if dossier else each.line.dossier.split()
                shown = each._replace(line=each.line._replace(reason=""))  # it is sealed, and no text
                yield json.write(event(shown, observer_of(settings), {}, clients))


def touched(settings: Settings, by: Mapping[str, str], since: int, until: int) -> list[Touch]:
    """Return whose dossiers were touched from ``since`` to ``until`` by whom ``by`` says ("actor", "client", ...)."""
    with open_record(settings.database) as record:
        return record.touched(by, since, until)
