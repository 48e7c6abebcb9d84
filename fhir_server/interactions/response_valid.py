"""Whether responses answer their questionnaires (``network/questionnaire_response``), before they are stored."""

from collections.abc import Sequence

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.questionnaires import answered_by, responses
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.questionnaire_response import problems
from fhir_server.storage.repository import Change


async def require_valid(call: Call, changes: Sequence[Change]) -> None:
    """Raise Unprocessable for a response among ``changes`` that does not answer its questionnaire, or one that is not here.

    ``system`` may bring in responses to questionnaires that are elsewhere.
    """
    for change in responses(changes):
        if not change.body:
            continue
        response = read(change.body, OWN).resource
        questionnaire = await answered_by(call, response, changes)
        if questionnaire is None:
            if call.actor.role == "system":
                continue
            told = "This questionnaire is not here. Search Questionnaire for those that are, and name one by its url."
            raise Unprocessable(told, expression="QuestionnaireResponse.questionnaire", detail="questionnaire-unknown")
        if issues := problems(response, questionnaire):
            raise Unprocessable("The response does not answer its questionnaire.", issues=issues)
