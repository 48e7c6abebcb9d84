"""A Questionnaire: its items, what they allow, and when they apply (https://hl7.org/fhir/R4/questionnaire.html)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final

from fhir_server.network.json_parts import listed, text

Item = Mapping[str, Any]
Answers = Mapping[str, Sequence[Any]]
"""All values that were given, by linkId."""

MIN_VALUE: Final = "http://hl7.org/fhir/StructureDefinition/minValue"
MAX_VALUE: Final = "http://hl7.org/fhir/StructureDefinition/maxValue"
_VALUES: Final = {
    "boolean": "valueBoolean",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "string": "valueString",
    "text": "valueString",
    "url": "valueUri",
    "choice": "valueCoding",
    "open-choice": "valueCoding",
    "attachment": "valueAttachment",
    "reference": "valueReference",
    "quantity": "valueQuantity",
}
_ORDER: Final = {">": gt, "<": lt, ">=": ge, "<=": le}


def value_of(part: Mapping[str, Any], prefix: str = "value") -> tuple[str, Any]:
    """Return name and value of a choice element ``prefix[x]``, two times nothing without one."""
    return next(((name, value) for name, value in part.items() if name.startswith(prefix) and name != prefix), ("", None))


def allowed(item: Item) -> frozenset[str]:
    """Return the elements ("valueInteger") in which an answer may come."""
    options = {value_of(each)[0] for each in listed(item, "answerOption")} if _chooses(item) else set[str]()
    free = {"valueString"} if text(item, "type") == "open-choice" else set[str]()
    return frozenset((options or {_VALUES.get(text(item, "type"), "")}) | free)


def is_option(item: Item, name: str, value: object) -> bool:
    """Tell whether an answer is one of the options, where there are any; a value set is not looked at."""
    options = [value_of(each) for each in listed(item, "answerOption")]
    if not options or (text(item, "type") == "open-choice" and name == "valueString"):
        return True
    return any(name == known and same(value, option) for known, option in options)


def limits(item: Item) -> tuple[Any, Any]:
    """Return the least and the largest value, None where there is no limit."""
    found = {str(each.get("url")): value_of(each)[1] for each in listed(item, "extension")}
    return found.get(MIN_VALUE), found.get(MAX_VALUE)


def enabled(item: Item, answers: Answers) -> bool:
    """Tell whether an item applies, by its enableWhen."""
    conditions = listed(item, "enableWhen")
    met = [_is_met(each, answers.get(text(each, "question"), ())) for each in conditions]
    return not met or (all(met) if item.get("enableBehavior") == "all" else any(met))


def given(items: Iterable[Item]) -> Answers:
    """Return all values in the items of a response."""
    found: dict[str, list[Any]] = {}
    for link, value in _given(items):
        found.setdefault(link, []).append(value)
    return found


def same(one: object, other: object) -> bool:
    """Tell whether two values are the same answer; a Coding is its system and code."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if "code" in one or "code" in other:
            return (one.get("system"), one.get("code")) == (other.get("system"), other.get("code")) and (
                one.get("value") == other.get("value")
            )
        return dict(one) == dict(other)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def comparable(one: object, other: object) -> tuple[Any, Any] | None:
    """Return two values that have an order, of Quantities the numbers; None for others."""
    left, right = (each.get("value") if isinstance(each, Mapping) else each for each in (one, other))
    for kind in ((int, Decimal), (str,)):
        if all(isinstance(each, kind) and not isinstance(each, bool) for each in (left, right)):
            return left, right
    return None


def _chooses(item: Item) -> bool:
    return text(item, "type") in {"choice", "open-choice"}


def _is_met(condition: Item, values: Sequence[Any]) -> bool:
    operator, (_, wanted) = text(condition, "operator"), value_of(condition, "answer")
    if operator == "exists":
        return bool(values) is wanted
    if operator in {"=", "!="}:
        return any(same(each, wanted) is (operator == "=") for each in values)
    pairs = (comparable(each, wanted) for each in values)
    return operator in _ORDER and any(_ORDER[operator](*pair) for pair in pairs if pair is not None)


def _given(items: Iterable[Item]) -> Iterator[tuple[str, Any]]:
    for item in items:
        for answer in listed(item, "answer"):
            name, value = value_of(answer)
            if name:
                yield text(item, "linkId"), value
            yield from _given(listed(answer, "item"))
        yield from _given(listed(item, "item"))


def codings(item: Item) -> list[dict[str, Any]]:
    """Return the codes that say what an item is about."""
    return [dict(each) for each in listed(item, "code")]


def extension(item: Item, url: str) -> Mapping[str, Any] | None:
    """Return the extension ``url``, None without it."""
    return next((each for each in listed(item, "extension") if each.get("url") == url), None)


def part(extension_: Mapping[str, Any], name: str) -> object:
    """Return the value of the part ``name`` of an extension, None without it."""
    return value_of(extension(extension_, name) or {})[1]
