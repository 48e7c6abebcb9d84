"""Whether a response answers its questionnaire: rules one by one, and random questionnaires with right and wrong answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fhir_server.network.questionnaire import MAX_VALUE, MIN_VALUE
from fhir_server.network.questionnaire_response import problems
from fhir_server.validation import check as valid
from profiles.questionnaires import questionnaires

Json = dict[str, Any]
SMOKES = {"linkId": "smokes", "type": "boolean", "required": True}
HOW_MANY = {
    "linkId": "how-many",
    "type": "integer",
    "required": True,
    "extension": [{"url": MIN_VALUE, "valueInteger": 1}, {"url": MAX_VALUE, "valueInteger": 60}],
    "enableWhen": [{"question": "smokes", "operator": "=", "answerBoolean": True}],
}
PLACES = {
    "linkId": "places",
    "type": "choice",
    "repeats": True,
    "answerOption": [{"valueCoding": {"system": "s", "code": "in"}}, {"valueCoding": {"system": "s", "code": "out"}}],
    "item": [{"linkId": "why", "type": "string", "maxLength": 5}],
}
FORM = {
    "resourceType": "Questionnaire",
    "status": "active",
    "item": [
        {"linkId": "hello", "type": "display", "text": "x"},
        {"linkId": "habits", "type": "group", "item": [SMOKES, HOW_MANY, PLACES]},
        {"linkId": "kin", "type": "group", "repeats": True, "item": [{"linkId": "name", "type": "open-choice"}]},
    ],
}


def answer(link: str, *values: Any, under: list[Json] | None = None) -> Json:
    names = {bool: "valueBoolean", int: "valueInteger", str: "valueString", dict: "valueCoding"}
    more = {"item": under} if under else {}
    return {"linkId": link, "answer": [{names[type(each)]: each, **more} for each in values]}


def group(link: str, *items: Json) -> Json:
    return {"linkId": link, "item": list(items)}


def response(*items: Json, status: str = "completed") -> Json:
    return {"resourceType": "QuestionnaireResponse", "status": status, "item": list(items)}


YES, NO = answer("smokes", True), answer("smokes", False)
IN, OUT = {"system": "s", "code": "in", "display": "Inside"}, {"system": "s", "code": "out"}
HABITS = "QuestionnaireResponse.item[0]"


@pytest.mark.parametrize(
    ("sent", "detail", "place"),
    [
        (response(group("habits", NO)), "", ""),
        (response(group("habits", YES, answer("how-many", 60))), "", ""),
        (response(), "", ""),
        (response(group("habits", NO, answer("places", IN, OUT, under=[answer("why", "home")]))), "", ""),
        (response(group("habits", NO), group("kin", answer("name", "x")), group("kin", answer("name", IN))), "", ""),
        (response(group("habits"), status="in-progress"), "", ""),
        (response(group("habits")), "response-required", HABITS),
        (response(group("habits", {"linkId": "smokes"})), "response-required", f"{HABITS}.item[0]"),
        (response(group("habits", YES)), "response-required", HABITS),
        (response(group("habits", NO, answer("how-many", 5))), "response-not-enabled", f"{HABITS}.item[1]"),
        (response(group("habits", YES, answer("how-many", 61))), "response-range", f"{HABITS}.item[1].answer[0].value"),
        (response(group("habits", YES, answer("how-many", 0))), "response-range", f"{HABITS}.item[1].answer[0].value"),
        (response(group("habits", YES, answer("how-many", "5"))), "response-type", f"{HABITS}.item[1].answer[0].value"),
        (response(group("habits", YES, answer("how-many", 5, 6))), "response-repeats", f"{HABITS}.item[1].answer"),
        (response(group("habits", NO, NO)), "response-repeats", f"{HABITS}.item[1]"),
        (response(group("habits", NO), group("habits", NO)), "response-repeats", "QuestionnaireResponse.item[1]"),
        (response(group("habits", NO), NO), "response-unknown-item", "QuestionnaireResponse.item[1].linkId"),
        (response(answer("habits", True)), "response-type", f"{HABITS}.answer"),
        (response(group("habits", NO, answer("places", {"code": "in"}))), "response-option", f"{HABITS}.item[1].answer[0].value"),
        (response(group("habits", {**NO, "item": [NO]})), "response-unknown-item", f"{HABITS}.item[0].item"),
        (
            response(group("habits", NO, answer("places", IN, under=[answer("why", "longer")]))),
            "response-length",
            f"{HABITS}.item[1].answer[0].item[0].answer[0].value",
        ),
    ],
)
def test_what_a_response_may_say(sent: Json, detail: str, place: str) -> None:
    found = [(each.detail, each.expression) for each in problems(sent, FORM)]
    assert (detail, place) in found if detail else found == []


@pytest.mark.parametrize(
    ("operator", "wanted", "given_", "enabled"),
    [
        ("exists", {"answerBoolean": True}, [3], True),
        ("exists", {"answerBoolean": True}, [], False),
        ("exists", {"answerBoolean": False}, [], True),
        ("=", {"answerInteger": 3}, [3], True),
        ("=", {"answerInteger": 3}, [2, 3], True),
        ("!=", {"answerInteger": 3}, [3], False),
        ("!=", {"answerInteger": 3}, [], False),
        (">", {"answerInteger": 3}, [4], True),
        (">", {"answerInteger": 3}, [3], False),
        (">=", {"answerInteger": 3}, [3], True),
        ("<", {"answerInteger": 3}, [2], True),
        ("<=", {"answerInteger": 3}, [4], False),
    ],
)
def test_when_an_item_applies(operator: str, wanted: Json, given_: list[int], enabled: bool) -> None:  # noqa: FBT001 - a table
    condition = {"question": "a", "operator": operator, **wanted}
    first = {"linkId": "a", "type": "integer", "repeats": True}
    form = {"item": [first, {"linkId": "b", "type": "boolean", "required": True, "enableWhen": [condition]}]}
    sent = response(*([answer("a", *given_)] if given_ else []))
    assert ([each.detail for each in problems(sent, form)] == ["response-required"]) is enabled


def test_several_conditions() -> None:
    conditions = [{"question": link, "operator": "=", "answerBoolean": True} for link in ("a", "b")]
    asked = {"linkId": "c", "type": "boolean", "required": True, "enableWhen": conditions}
    form = {"item": [{"linkId": "a", "type": "boolean"}, {"linkId": "b", "type": "boolean"}]}
    sent = response(answer("a", True), answer("b", False))
    both, either = ({"item": [*form["item"], {**asked, "enableBehavior": each}]} for each in ("all", "any"))
    assert (len(problems(sent, both)), len(problems(sent, either))) == (0, 1)


def test_our_own_questionnaires_are_valid() -> None:
    for each in questionnaires():
        valid(each)
    assert len(questionnaires()) > 0


@st.composite
def forms(draw: st.DrawFn, depth: int = 2) -> list[Json]:
    """Draw the items of a questionnaire; what is numbered is set by ``numbered``."""
    kinds = ["boolean", "integer", "string", "choice", *(["group"] if depth else [])]
    return [draw(item(kind, depth)) for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))]


@st.composite
def item(draw: st.DrawFn, kind: str, depth: int) -> Json:
    made: Json = {"type": kind, "required": draw(st.booleans()), "repeats": draw(st.booleans())}
    if kind == "group":
        made["item"] = draw(forms(depth - 1))
    if kind == "integer":
        made["extension"] = [{"url": MIN_VALUE, "valueInteger": 0}, {"url": MAX_VALUE, "valueInteger": 10}]
    if kind == "string":
        made["maxLength"] = 4
    if kind == "choice":
        made["answerOption"] = [{"valueCoding": {"system": "s", "code": code}} for code in "abc"]
    return made


def numbered(items: list[Json], prefix: str = "q") -> list[Json]:
    found = []
    for number, each in enumerate(items):
        link = f"{prefix}.{number}"
        found.append({**each, "linkId": link, **({"item": numbered(each["item"], link)} if "item" in each else {})})
    return found


VALUES = {
    "boolean": st.booleans().map(lambda each: {"valueBoolean": each}),
    "integer": st.integers(0, 10).map(lambda each: {"valueInteger": each}),
    "string": st.text("xyz", min_size=1, max_size=4).map(lambda each: {"valueString": each}),
    "choice": st.sampled_from("abc").map(lambda each: {"valueCoding": {"system": "s", "code": each}}),
}


@st.composite
def answers(draw: st.DrawFn, items: list[Json]) -> list[Json]:
    """Draw items of a response that answer ``items``."""
    found = []
    for each in items:
        if not each["required"] and not draw(st.booleans()):
            continue
        times = draw(st.integers(1, 2)) if each["repeats"] else 1
        if each["type"] == "group":
            found += [{"linkId": each["linkId"], "item": draw(answers(each["item"]))} for _ in range(times)]
        else:
            found.append({"linkId": each["linkId"], "answer": [draw(VALUES[each["type"]]) for _ in range(times)]})
    return found


@st.composite
def answered(draw: st.DrawFn) -> tuple[Json, Json]:
    form = {"item": numbered(draw(forms()))}
    return form, response(*draw(answers(form["item"])))


def places(items: list[Json], known: list[Json]) -> Iterator[tuple[list[Json], int, Json]]:
    """Yield every item with the list that it stands in, and what the questionnaire says of it."""
    by_link = {each["linkId"]: each for each in known}
    for number, each in enumerate(items):
        yield items, number, by_link[each["linkId"]]
        yield from places(each.get("item", []), by_link[each["linkId"]].get("item", []))


WRONG = {"boolean": {"valueInteger": 1}, "integer": {"valueInteger": 11}, "string": {"valueString": "xxxxx"}}


@settings(max_examples=examples(40), deadline=None)
@given(answered())
def test_right_answers_pass(both: tuple[Json, Json]) -> None:
    form, sent = both
    assert problems(sent, form) == []


@settings(max_examples=examples(40), deadline=None)
@given(answered(), st.data())
def test_one_wrong_thing_fails(both: tuple[Json, Json], data: st.DataObject) -> None:
    form, sent = both
    everywhere = list(places(sent["item"], form["item"]))
    assume(everywhere)
    items, number, known = data.draw(st.sampled_from(everywhere))
    how = data.draw(st.sampled_from(["unknown", "again", "wrong", "left out"]))
    if how == "unknown":
        items[number] = {**items[number], "linkId": "nowhere"}
    elif how == "again":
        assume(known["type"] != "group" or not known["repeats"])
        items.append(items[number])
    elif how == "left out":
        assume(known["required"] and sum(each["linkId"] == known["linkId"] for each in items) == 1)
        del items[number]
    else:
        items[number] = {"linkId": known["linkId"], "answer": [WRONG.get(known["type"], {"valueString": "d"})]}
    assert problems(sent, form)
