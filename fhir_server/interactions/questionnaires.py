"""Which Questionnaire a response answers, among those that are stored and those of the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.json_parts import text
from fhir_server.search.tree import Query, Sort, Uri
from fhir_server.storage.repository import Change

_TYPE: Final = "Questionnaire"
_MOST: Final = 50  # versions of one questionnaire
_RESPONSE: Final = "QuestionnaireResponse"


async def answered_by(call: Call, response: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any] | None:
    """Return the Questionnaire of ``response``, None when it is not here; without a version the newest active one."""
    url, _, version = text(response, "questionnaire").partition("|")
    if not url:
        return None
    grant = call.services.gate.locating(_TYPE)
    query = Query(_TYPE, Uri("url", url), Sort("_lastUpdated"), count=_MOST)
    stored = [read(each.body, OWN).resource for each in (await call.services.repository.search(grant, query)).resources]
    written = [read(each.body, OWN).resource for each in changes if each.type == _TYPE and each.body]
    found = [*(each for each in written if text(each, "url") == url), *stored]
    fits = [each for each in found if version in {"", text(each, "version")}]
    return next((each for each in fits if text(each, "status") == "active"), fits[0] if fits else None)


def responses(changes: Iterable[Change]) -> list[Change]:
    """Return the changes of responses."""
    return [each for each in changes if each.type == _RESPONSE]
