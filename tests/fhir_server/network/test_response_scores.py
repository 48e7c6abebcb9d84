"""What answers come to: exact scores, answers as they are, and the Observations that tell them."""

from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Any

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fhir_server.network.response_scores import EXTRACT, SCORE, found, id_of, observation, score
from fhir_server.validation import check as valid
from profiles.questionnaires import questionnaires

Json = dict[str, Any]
AT = 1_770_000_000_000_000
(POSITIVE,) = questionnaires()


def done(**answers: int | None) -> Json:
    """Return a response of the client to the questionnaire, by dimension ("mental_wellbeing_1")."""
    items: dict[str, list[Json]] = {}
    for name, value in answers.items():
        link = name.replace("_", "-")
        given_ = [] if value is None else [{"valueInteger": value}]
        items.setdefault(link.rpartition("-")[0], []).append({"linkId": link, **({"answer": given_} if given_ else {})})
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "status": "completed",
        "subject": {"reference": "Patient/c"},
        "authored": "2026-03-02T10:00:00+01:00",
        "item": [{"linkId": link, "item": each} for link, each in items.items()],
    }


def values(response: Json, form: Json = POSITIVE) -> dict[str, str]:
    return {codes[0]["code"]: str(value["valueQuantity"]["value"]) for codes, value in found(form, response).values()}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (done(participation_1=7, participation_2=8), {"participation": "7.5"}),
        (done(participation_1=7, participation_2=7, participation_3=6), {"participation": "6.7"}),
        (done(participation_1=7, participation_2=None, participation_3=8), {"participation": "7.5"}),
        (done(participation_1=10), {"participation": "10.0"}),
        (done(participation_1=0, meaningfulness_4=1), {"participation": "0.0", "meaningfulness": "1.0"}),
        (done(participation_1=None), {}),
        (done(), {}),
        ({**done(participation_1=7), "status": "in-progress"}, {}),
        ({**done(participation_1=7), "status": "entered-in-error"}, {}),
        ({**done(participation_1=7), "status": "amended"}, {"participation": "7.0"}),
    ],
)
def test_the_scores_of_a_response(response: Json, expected: dict[str, str]) -> None:
    assert values(response) == expected


NUMBERS = st.lists(st.integers(-1000, 1000) | st.decimals(-1000, 1000, places=4), min_size=1, max_size=12)


@settings(max_examples=examples(60), deadline=None)
@given(NUMBERS, st.integers(0, 6))
@example([Decimal("0.05")], 1)
@example([1, 2], 0)
@example([Decimal("-0.5")], 0)
def test_a_mean_is_exact_and_rounded_once(numbers: list[int | Decimal], decimals: int) -> None:
    with localcontext() as context:
        context.prec = 60
        scaled = sum(numbers, Decimal(0)).scaleb(
            decimals + 1
        )  # a whole number of tenths of the last place, or between two of these
        wanted = ((scaled / len(numbers) + 5) / 10).to_integral_value(ROUND_FLOOR).scaleb(-decimals)
    mean = score(numbers, "mean", decimals)
    assert (mean, mean.as_tuple().exponent) == (wanted, -decimals)
    assert min(numbers) - Decimal(1).scaleb(-decimals) <= mean <= max(numbers) + Decimal(1).scaleb(-decimals)


def test_answers_as_they_are() -> None:
    def asked(link: str, **more: Any) -> Json:
        return {"linkId": link, "code": [{"system": "s", "code": link}], **more}

    flag = {"extension": [{"url": EXTRACT, "valueBoolean": True}]}
    no_flag = {"extension": [{"url": EXTRACT, "valueBoolean": False}]}
    form = {**flag, "item": [asked("a"), asked("b", **no_flag), {"linkId": "c"}, asked("g", item=[asked("d"), asked("e")])]}
    sent = {
        "status": "completed",
        "item": [
            {"linkId": "a", "answer": [{"valueCoding": {"system": "s", "code": "x"}}, {"valueDate": "2026-01-01"}]},
            {"linkId": "b", "answer": [{"valueInteger": 1}]},
            {"linkId": "c", "answer": [{"valueInteger": 1}]},
            {"linkId": "g", "item": [{"linkId": "d", "answer": [{"valueDecimal": Decimal("1.50")}]}]},
            {"linkId": "g", "item": [{"linkId": "d", "answer": [{"valueAttachment": {"title": "x"}}]}]},
        ],
    }
    assert {key: value for key, (_, value) in found(form, sent).items()} == {
        "/a.0.0": {"valueCodeableConcept": {"coding": [{"system": "s", "code": "x"}]}},
        "/a.0.1": {"valueDateTime": "2026-01-01"},
        "/g.0/d.0.0": {"valueQuantity": {"value": Decimal("1.50")}},
    }


def test_a_sum_and_a_score_beyond_all_bounds() -> None:
    def form(method: str) -> Json:
        parts = [{"url": "method", "valueCode": method}]
        made = {"linkId": "g", "code": [{"code": "g"}], "extension": [{"url": SCORE, "extension": parts}]}
        return {"item": [{**made, "item": [{"linkId": "n", "type": "decimal", "repeats": True}]}]}

    def sent(*numbers: int | Decimal) -> Json:
        answers = [{"valueDecimal": each} for each in numbers]
        return {"status": "completed", "item": [{"linkId": "g", "item": [{"linkId": "n", "answer": answers}]}]}

    assert values(sent(1, 2, 4), form("sum")) == {"g": "7"}
    assert values(sent(1, 2, 4), form("mean")) == {"g": "2"}
    assert values(sent(Decimal("1E+300")), form("sum")) == {}


def test_the_observation() -> None:
    response = done(participation_1=7, participation_2=8)
    response["meta"] = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
    response["source"] = {"reference": "RelatedPerson/m"}
    ((key, now),) = found(POSITIVE, response).items()
    made = observation(response, key, now, "Patient/c", AT, None)
    valid(made)
    assert made["id"] == id_of("QuestionnaireResponse/r", key)
    assert (made["status"], made["performer"][0]["reference"]) == ("final", "RelatedPerson/m")
    assert made["meta"]["security"] == response["meta"]["security"]
    assert observation(response, key, now, "Patient/c", AT, made)["status"] == "amended"
    assert observation(response, key, now, "Patient/c", AT, made | {"status": "entered-in-error"})["status"] == "corrected"
