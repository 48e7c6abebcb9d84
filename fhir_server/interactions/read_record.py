"""Reading one line of the record as an AuditEvent."""

from fhir_server.errors import NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import answer
from fhir_server.interactions.record_events import Lister
from fhir_server.interactions.record_reader import reader_of
from fhir_server.search.lines import Lines
from fhir_server.search.tree import Id


async def read(call: Call) -> Answer:
    """Answer the line; NotFound alike for one that is not there and one that the caller may not see."""
    lister = Lister(call, await reader_of(call, "read"))
    lines = await lister.lines(Lines(Id((call.id,)), 1))
    found = await lister.events(lines)
    if not found:
        raise NotFound("No such line in the record, or none that you may see.")
    lister.read_of(lines[0].line)
    return answer(call, found[0])
