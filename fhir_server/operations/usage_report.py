"""``$usage-report?month=YYYY-MM``: the figures of a month per organisation, for operator and system."""

from fhir_server.audit.report import Figure, measure_report
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.reader_names import organisation_names
from fhir_server.model.json import write
from fhir_server.search.months import month
from fhir_server.search.values import DateError


async def usage_report(call: Call) -> Answer:
    """Answer a MeasureReport without anybody's data. Raises Forbidden for other roles, BadRequest without a month."""
    grant = call.services.gate.figures(call.actor)
    given = dict(call.parameters).get("month", "")
    try:
        low, high = month(given)
    except DateError as error:
        raise BadRequest("Say which month: month=YYYY-MM.", detail="search-value") from error
    rows = await call.services.repository.figures(grant, low, high)
    names = await organisation_names(call, {row[0] for row in rows})
    report = measure_report((Figure(*row) for row in rows), low, high, call.now, names)
    return Answer(200, write(report), keep=False)
