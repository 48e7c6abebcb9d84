"""Who may write a QuestionnaireResponse of a client, and how it goes from one status to the next.

The client answers, or somebody of the network in the client's name or their own: ``author`` says who wrote it down, ``source`` who
answered.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.message_thread import literal

_NEXT: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"in-progress", "completed"}),
    "in-progress": frozenset({"in-progress", "completed", "stopped", "entered-in-error"}),
    "stopped": frozenset({"stopped", "in-progress", "completed", "entered-in-error"}),
    "completed": frozenset({"amended", "entered-in-error"}),
    "amended": frozenset({"amended", "entered-in-error"}),
    "entered-in-error": frozenset(),
}
_KEPT: Final = ("questionnaire", "subject")

Resource = Mapping[str, Any]


def check(
    response: Resource, before: Resource | None, people: Collection[str], represented: Collection[str] = (), base: str = ""
) -> None:
    """Refuse what the caller, whose references are ``people`` ("Type/id"), may not make of ``before`` (None: there is none yet).

    ``represented`` are the clients in whose place the caller may change a response.

    Raises Unprocessable (response-subject, response-status, response-other-form) or Forbidden (response-author, response-source,
    response-of-another).
    """
    client = _of(response, "subject", base)
    if not client.startswith("Patient/"):
        told = "A response is about one client of this server. Name the client."
        raise Unprocessable(told, expression="QuestionnaireResponse.subject", detail="response-subject")
    if before is not None:
        _require_next(response, before)
        if client not in {*people, *represented} and not {_of(before, "author", base), _of(before, "source", base)} & set(people):
            told = "Only the client, who represents the client, and who answered or wrote it down change a response."
            raise Forbidden(told, expression="QuestionnaireResponse", detail="response-of-another")
    elif text(response, "status") not in _NEXT[""]:
        raise _status("A response begins as in-progress or completed.")
    _require_names(response, before, client, people, base)


def source_of(response: Resource, base: str = "") -> str:
    """Return who answered ("Type/id"): the client, where nobody else is named; "" for nobody of this server."""
    return _of(response, "source", base) or _of(response, "subject", base)


def _require_names(response: Resource, before: Resource | None, client: str, people: Collection[str], base: str) -> None:
    author, source = _of(response, "author", base), _of(response, "source", base)
    kept = before is not None and all(_of(before, name, base) == _of(response, name, base) for name in ("author", "source"))
    if kept:
        return
    if author not in people and not ("author" not in response and client in people):
        told = "The author is who writes the response down. Name yourself."
        raise Forbidden(told, expression="QuestionnaireResponse.author", detail="response-author")
    if "source" in response and source not in {client, *people}:
        told = "Who answers is the client, or you. Leave it out for the client."
        raise Forbidden(told, expression="QuestionnaireResponse.source", detail="response-source")


def _require_next(response: Resource, before: Resource) -> None:
    was, now = text(before, "status"), text(response, "status")
    for name in _KEPT:
        if response.get(name) != before.get(name):
            told = "A response stays one to the same questionnaire, about the same client. Write a new one."
            raise Unprocessable(told, expression=f"QuestionnaireResponse.{name}", detail="response-other-form")
    same = was == now and response.get("item") == before.get("item")
    if not same and now not in _NEXT.get(was, frozenset()):
        raise _status("A completed response is changed as amended, or taken back as entered-in-error, which is the end of it.")


def _status(told: str) -> Unprocessable:
    return Unprocessable(told, expression="QuestionnaireResponse.status", detail="response-status")


def _of(response: Resource, name: str, base: str) -> str:
    return literal(mapped(response, name), base)
