"""What the answers to a questionnaire come to: Observations, as the Questionnaire itself declares them.

A group with our extension ``questionnaire-score`` has the mean or the sum of the numbers answered in it; an item with the flag
observationExtract (SDC, inherited by what is in it) and a code has its answer as it is. Both are told by ``item.code``.
https://build.fhir.org/ig/HL7/sdc/extraction.html#observation-based-extraction
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import floor
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.questionnaire import Item, codings, extension, given, part, value_of
from fhir_server.network.questionnaire_response import DONE
from fhir_server.network.response_writing import source_of

SCORE: Final = f"{CANONICAL}/StructureDefinition/questionnaire-score"
EXTRACT: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtract"
KEY: Final = f"{CANONICAL}/NamingSystem/response-score"
"""The system of the identifier that says from where in a response an Observation comes."""
WRONG: Final = "entered-in-error"
_SURVEY: Final = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
_AS_TOLD: Final = frozenset({"valueBoolean", "valueInteger", "valueString", "valueDateTime", "valueTime", "valueQuantity"})
_LARGEST: Final = 10**15  # what a score may come to
_MOST_DECIMALS: Final = 6

Found = tuple[list[dict[str, Any]], dict[str, Any]]
"""The codes of an Observation, and its value ({"valueInteger": 7})."""


def found(questionnaire: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Found]:
    """Return what the answers come to, by a key that says where; nothing unless the response is completed."""
    if text(response, "status") not in DONE:
        return {}
    return dict(_found(listed(questionnaire, "item"), listed(response, "item"), "", extracts=_extracts(questionnaire, told=False)))


def id_of(response: str, key: str) -> str:
    """Return the id of the Observation of ``response`` ("QuestionnaireResponse/id") with ``key``: there can be one only."""
    return sha256(f"{response} {key}".encode()).hexdigest()[:40]


def is_of(observation_: Mapping[str, Any], response: str) -> bool:
    """Tell whether the hub made an Observation of ``response``; others may derive theirs from it too."""
    keys = [text(each, "value") for each in listed(observation_, "identifier") if each.get("system") == KEY]
    return any(id_of(response, key) == observation_.get("id") for key in keys)


def score(values: Sequence[int | Decimal], method: str, decimals: int) -> Decimal:
    """Return the "mean" or "sum" of ``values``, of which there is one at least, rounded half up to ``decimals`` places."""
    total = sum(map(Fraction, values), Fraction(0))
    exact = total / len(values) if method == "mean" else total
    return Decimal(f"{floor(exact * 10**decimals + Fraction(1, 2))}E-{decimals}")  # written out: Decimal's own arithmetic rounds


def observation(
    response: Mapping[str, Any], key: str, now: Found, client: str, at: int, before: Mapping[str, Any] | None, base: str = ""
) -> dict[str, Any]:
    """Return the Observation of ``response`` with ``key`` at ``at`` (microseconds), after ``before``, if there is one."""
    about = f"QuestionnaireResponse/{response['id']}"
    security = listed(mapped(response, "meta"), "security")
    source = source_of(response, base)
    codes, value = now
    return {
        "resourceType": "Observation",
        "id": id_of(about, key),
        **({"meta": {"security": [dict(each) for each in security]}} if security else {}),
        "identifier": [{"system": KEY, "value": key}],
        "status": _status(before),
        "category": [{"coding": [dict(_SURVEY)]}],
        "code": {"coding": codes},
        "subject": _reference(client),
        "effectiveDateTime": text(response, "authored") or instant(at),
        "issued": instant(at),
        **({"performer": [_reference(source)]} if source else {}),
        **value,
        "derivedFrom": [_reference(about)],
    }


def says_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two Observations of a response say the same, so that none needs to follow the other."""
    left, right = ({**value_parts(each), "security": listed(mapped(each, "meta"), "security")} for each in (one, other))
    return left == right and WRONG not in {one.get("status"), other.get("status")}


def value_parts(observation_: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an Observation says, and of what."""
    return {name: value for name, value in observation_.items() if name in {"code", "performer"} or name.startswith("value")}


def _found(known: Sequence[Item], items: Sequence[Item], place: str, *, extracts: bool) -> Iterator[tuple[str, Found]]:
    by_link = {text(each, "linkId"): each for each in known}
    counts: dict[str, int] = {}
    for each in items:
        link = text(each, "linkId")
        if link not in by_link:
            continue
        here = f"{place}/{link}.{counts.get(link, 0)}"
        counts[link] = counts.get(link, 0) + 1
        yield from _of_item(by_link[link], each, here, extracts=_extracts(by_link[link], told=extracts))


def _of_item(known: Item, item: Item, here: str, *, extracts: bool) -> Iterator[tuple[str, Found]]:
    declared = extension(known, SCORE)
    if declared is not None and (made := _score(declared, item)) and codings(known):
        yield here, (codings(known), made)
    yield from _found(listed(known, "item"), listed(item, "item"), here, extracts=extracts)
    for number, answer in enumerate(listed(item, "answer")):
        place = f"{here}.{number}"
        if extracts and codings(known) and (value := _as_observed(*value_of(answer))):
            yield place, (codings(known), value)
        yield from _found(listed(known, "item"), listed(answer, "item"), place, extracts=extracts)


def _score(declared: Mapping[str, Any], item: Item) -> dict[str, Any]:
    """Return the value of a group's score; nothing where no number was answered."""
    numbers = [each for values in given([item]).values() for each in values if _is_number(each)]
    if not numbers:
        return {}
    decimals = part(declared, "decimals")
    places = min(max(decimals, 0), _MOST_DECIMALS) if isinstance(decimals, int) else 0
    value = score(numbers, str(part(declared, "method") or "mean"), places)
    if abs(value) >= _LARGEST:
        return {}
    return {"valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "{score}"}}


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _as_observed(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever type an answer has
    """Return an answer as the value of an Observation; nothing for what that cannot have."""
    match name:
        case "valueCoding":
            return {"valueCodeableConcept": {"coding": [dict(value)]}}
        case "valueDecimal":
            return {"valueQuantity": {"value": value}}
        case "valueDate":
            return {"valueDateTime": value}
    return {name: value} if name in _AS_TOLD else {}


def _extracts(item: Item, *, told: bool) -> bool:
    own = extension(item, EXTRACT)
    return told if own is None else own.get("valueBoolean") is True


def _status(before: Mapping[str, Any] | None) -> str:
    if before is None:
        return "final"
    return "corrected" if before.get("status") == WRONG else "amended"


def _reference(target: str) -> dict[str, str]:
    return {"reference": target, "type": target.partition("/")[0]}
