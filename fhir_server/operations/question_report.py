"""``$question-report``: at which level questions close, by ladder and region, without anybody's data.

Parameters: ``start`` and ``end`` (dates), by default the last thirty days.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network.question import QUESTION, Question, is_question, question_of
from fhir_server.network.question_report import Closed, closed, measure_report, region_of
from fhir_server.search.tree import Query, Token
from fhir_server.search.values import DateError, span
from profiles.operations import takes

_DAYS: Final = 30
_DAY: Final = 86_400_000_000
_AT_ONCE: Final = 500
_KNOWN: Final = frozenset({*takes("question-report"), "_format", "_pretty"})


async def question_report(call: Call) -> Answer:
    """Answer a MeasureReport, to those who run the hub; raises Forbidden, BadRequest."""
    call.services.gate.figures(call.actor)
    start, end = _period(call)
    counted: list[Closed] = []
    async for questions in _questions(call):
        here = [each for each in questions if start <= each.closed < end]
        regions = await _regions(call, here)
        counted += [closed(each, regions.get(each.patient, "")) for each in here]
    return Answer(200, write(measure_report(counted, start, end, call.now)), keep=False)


def _period(call: Call) -> tuple[int, int]:
    given = dict(call.parameters)
    if unknown := sorted(given.keys() - _KNOWN):
        raise BadRequest(f"'{unknown[0]}' is no parameter of $question-report: there are start and end.", detail="search-value")
    try:
        end = span(given["end"]).high if "end" in given else call.now
        return span(given["start"]).low if "start" in given else end - _DAYS * _DAY, end
    except DateError as error:
        raise BadRequest(f"'start' and 'end' are dates: {error}.", detail="search-value") from error


async def _questions(call: Call) -> AsyncIterator[Sequence[Question]]:
    services, where = call.services, Token("category", QUESTION[1], QUESTION[0])
    grant, query = services.gate.locating("CommunicationRequest"), Query("CommunicationRequest", where, count=_AT_ONCE)
    while True:
        page = await services.repository.search(grant, query)
        resources = [read(each.body, OWN).resource for each in page.resources]
        yield [question_of(each, services.base) for each in resources if is_question(each)]
        if not page.more:
            return
        query = Query("CommunicationRequest", where, count=_AT_ONCE, after=page.resources[-1].cursor)


async def _regions(call: Call, questions: Sequence[Question]) -> dict[str, str]:
    wanted = list(dict.fromkeys(each.patient for each in questions))
    grant = call.services.gate.locating("Patient")
    found = await call.services.repository.fetch([grant], wanted) if wanted else []
    resources: list[dict[str, Any]] = [read(each.body, OWN).resource for each in found]
    return {f"Patient/{each['id']}": region_of(each) for each in resources}
