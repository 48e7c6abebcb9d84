"""What of a message is for whom: payloads for professionals, payloads in plain language, and what is left of one taken back.

https://hl7.org/fhir/R4/communication.html, https://hl7.org/fhir/R4/communicationrequest.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import RETRACTED

AUDIENCE: Final = f"{CANONICAL}/StructureDefinition/audience"
"""The extension of a payload that says for whom it is; without it, it is for everybody."""
PROFESSIONAL, LAY = "professional", "lay"
MESSAGES: Final = frozenset({"Communication", "CommunicationRequest"})
_SAYING: Final = ("payload", "text", "note", "contained")
_TAKEN_BACK: Final = {
    "_contentString": {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}],
    }
}
Resource = Mapping[str, Any]


def audience_of(payload: Mapping[str, Any]) -> str:
    """Return for whom a payload is: PROFESSIONAL, LAY, or "" for everybody."""
    codes = (text(each, "valueCode") for each in listed(payload, "extension") if each.get("url") == AUDIENCE)
    return next((each for each in codes if each in {PROFESSIONAL, LAY}), "")


def hidden(payload: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return at which places there are payloads that people who are no professionals do not see.

    Those are the ones for professionals, where there is one in plain language. Where there is none, the client sees what there is:
    it is the client's own record.
    """
    audiences = [audience_of(each) for each in payload]
    return [number for number, each in enumerate(audiences) if each == PROFESSIONAL] if LAY in audiences else []


def for_lay_people(message: Resource) -> Resource:
    """Return ``message`` as people see it who are no professionals; the narrative may tell what they are not to see."""
    left_out = hidden(listed(message, "payload"))
    if not left_out and not (is_part(message) and "text" in message):
        return message
    shown = [each for number, each in enumerate(listed(message, "payload")) if number not in left_out]
    rest = {name: value for name, value in message.items() if name != "text"}
    return {**rest, "payload": shown} if left_out else rest


def taken_back(message: Resource) -> Resource:
    """Return what everybody sees of a message that was taken back: its place in the thread, and nothing that it said."""
    rest = {name: value for name, value in message.items() if name not in _SAYING}
    return {**rest, "payload": [_TAKEN_BACK]} if "payload" in message else rest


def is_taken_back(message: Resource) -> bool:
    """Tell whether a message was taken back."""
    return text(message, "status") == RETRACTED


def is_part(message: Resource) -> bool:
    """Tell whether only some elements of a message are there."""
    return any(text(each, "code") == "SUBSETTED" for each in listed(mapped(message, "meta"), "tag"))


def restored(payload: Sequence[Any], before: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """Return ``payload``, written by somebody who did not see all of it as it was ``before``, with what they did not see.

    What was hidden stays in its place when nothing else changed, and comes last otherwise.
    """
    left_out = hidden(before)
    if not left_out or any(isinstance(each, Mapping) and audience_of(each) == PROFESSIONAL for each in payload):
        return payload
    if list(payload) == [each for number, each in enumerate(before) if number not in left_out]:
        return before
    return [*payload, *(before[number] for number in left_out)]


def messages_in(value: Any) -> list[Resource]:  # noqa: ANN401 - JSON
    """Return the messages in what is answered: a resource, a Bundle of them, or Parameters with them."""
    found: list[Resource] = []

    def note(message: Resource) -> Resource:
        found.append(message)
        return message

    with_messages(value, note)
    return found


def with_messages(value: Any, show: Callable[[Resource], Resource]) -> Any:  # noqa: ANN401 - JSON
    """Return ``value`` with what ``show`` makes of each message in it; what has none of them is the same object."""
    if isinstance(value, list):
        items = [with_messages(each, show) for each in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    if not isinstance(value, Mapping):
        return value
    if value.get("resourceType") in MESSAGES:
        return show(value)
    inner = {name: with_messages(each, show) for name, each in value.items() if isinstance(each, dict | list)}
    return {**value, **inner} if any(each is not value[name] for name, each in inner.items()) else value
