"""Whether a QuestionnaireResponse answers its Questionnaire (https://hl7.org/fhir/R4/questionnaireresponse.html).

Looked at are the items and where they stand, types, options, limits, repetitions, conditions, and, once it is completed, what is
required. Not looked at are value sets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.errors import Issue
from fhir_server.network.json_parts import listed, text
from fhir_server.network.questionnaire import Answers, Item, allowed, comparable, enabled, given, is_option, limits, value_of

DONE: Final = frozenset({"completed", "amended"})
"""The statuses in which everything that is required is there."""
_MOST: Final = 50


def problems(response: Mapping[str, Any], questionnaire: Mapping[str, Any]) -> list[Issue]:
    """Return what is wrong with ``response`` as an answer to ``questionnaire``, at most 50 issues; no text repeats an answer."""
    check = _Check(given(listed(response, "item")), complete=text(response, "status") in DONE)
    found = check.items(listed(questionnaire, "item"), listed(response, "item"), "QuestionnaireResponse")
    return [each for _, each in zip(range(_MOST), found, strict=False)]


class _Check:
    def __init__(self, answers: Answers, *, complete: bool) -> None:
        self._answers = answers
        self._complete = complete

    def items(self, known: Sequence[Item], items: Sequence[Item], place: str) -> Iterator[Issue]:
        """Yield what is wrong with the ``items`` at ``place``, where those that are ``known`` may stand."""
        by_link = {text(each, "linkId"): each for each in known}
        counts: dict[str, int] = {}
        for number, each in enumerate(items):
            here, link = f"{place}.item[{number}]", text(each, "linkId")
            if link not in by_link:
                told = "The questionnaire has no item with this linkId in this place."
                yield _issue(told, f"{here}.linkId", "response-unknown-item")
                continue
            counts[link] = counts.get(link, 0) + 1
            if counts[link] > 1 and not _is_repeated_group(by_link[link]):
                yield _issue("This item is there already; several answers stand in one item.", here, "response-repeats")
            yield from self._item(by_link[link], each, here)
        if self._complete:
            yield from self._missing(by_link, counts, place)

    def _missing(self, by_link: Mapping[str, Item], counts: Mapping[str, int], place: str) -> Iterator[Issue]:
        for link, known in by_link.items():
            if known.get("required") is True and link not in counts and enabled(known, self._answers):
                yield Issue("required", f"'{link}' must be answered.", place, detail="response-required")

    def _item(self, known: Item, item: Item, place: str) -> Iterator[Issue]:
        if not enabled(known, self._answers):
            yield _issue("By the other answers this item does not apply. Leave it out.", place, "response-not-enabled")
        if text(known, "type") in {"group", "display"}:
            if "answer" in item:
                yield _issue("A group or a text has no answer.", f"{place}.answer", "response-type")
            yield from self.items(listed(known, "item"), listed(item, "item"), place)
            return
        if "item" in item:
            yield _issue("What follows on a question stands in its answer.", f"{place}.item", "response-unknown-item")
        answers = listed(item, "answer")
        if self._complete and known.get("required") is True and not any(value_of(each)[0] for each in answers):
            yield Issue("required", f"'{text(known, 'linkId')}' must be answered.", place, detail="response-required")
        if len(answers) > 1 and known.get("repeats") is not True:
            yield _issue("There is one answer to this question.", f"{place}.answer", "response-repeats")
        for number, answer in enumerate(answers):
            yield from self._answer(known, answer, f"{place}.answer[{number}]")

    def _answer(self, known: Item, answer: Item, place: str) -> Iterator[Issue]:
        name, value = value_of(answer)
        if name and name not in allowed(known):
            wanted = " or ".join(sorted(allowed(known)))
            yield _issue(f"An answer to this question comes as {wanted}.", f"{place}.value", "response-type")
        elif name:
            yield from _of_value(known, name, value, f"{place}.value")
        yield from self.items(listed(known, "item"), listed(answer, "item"), place)


def _of_value(known: Item, name: str, value: object, place: str) -> Iterator[Issue]:
    if not is_option(known, name, value):
        yield _issue("This is none of the options of the question.", place, "response-option")
    least, most = limits(known)
    below, above = comparable(value, least), comparable(value, most)
    if (below and below[0] < below[1]) or (above and above[0] > above[1]):
        yield _issue("This is below the least or above the largest value of the question.", place, "response-range")
    longest = known.get("maxLength")
    if isinstance(longest, int) and isinstance(value, str) and len(value) > longest:
        yield _issue(f"This is longer than {longest} characters.", place, "response-length")


def _is_repeated_group(known: Item) -> bool:
    return text(known, "type") == "group" and known.get("repeats") is True


def _issue(told: str, place: str, detail: str) -> Issue:
    return Issue("invalid", told, place, detail=detail)
