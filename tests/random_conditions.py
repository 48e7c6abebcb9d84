"""Random conditions on random resources: as a parameter of a query, and as what the specification says it means."""

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st
from random_resources import (
    CATEGORIES,
    CODES,
    DATES,
    NUMBERS,
    OF_TYPE,
    OTHER,
    SYSTEMS,
    TARGETS,
    UCUM,
    URLS,
    as_document,
    few,
    pick,
)
from spoken_search import (
    Condition,
    Json,
    compares,
    date_asked,
    dates_of,
    escape,
    has_unit,
    is_below,
    is_token,
    number_asked,
    quantity_extent,
    refers,
    starts,
    words,
)

ASKED = (*DATES, "2026-03-29T12:00", "2026-03-29T14:00:00")
PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")
UNITS = (None, None, None, None, ("", "mg"), ("", "mm[Hg]"), ("", "mmHg"), (UCUM, "mg"), (UCUM, "mm[Hg]"), (OTHER, "mg"))
# What a parameter reads: the JSON values of a resource.
Values = Callable[[Json], Iterable[Json]]


def at(*names: str) -> Values:
    def read(resource: Json) -> Iterable[Json]:
        found = [resource]
        for name in names:
            found = [inner for one in found if name in one for inner in (one[name] if isinstance(one[name], list) else [one[name]])]
        return found

    return read


def both(*reads: Values) -> Values:
    return lambda resource: [one for read in reads for one in read(resource)]


# A way to ask for one value: what is written, and when a value of the resource is meant.
Asked = tuple[str, Callable[[Json], bool]]


@st.composite
def asked_token(draw: st.DrawFn, codes: tuple[str, ...] = CODES, *, whole: bool = False) -> Asked:
    system, code = draw(pick((None, None, None, *SYSTEMS, CATEGORIES))), draw(pick(codes))
    if system and not whole and draw(st.integers(0, 5)) == 0:
        code = ""
    text = escape(code) if system is None else f"{escape(system)}|{escape(code)}"
    return text, lambda found: is_token(found, system, code)


@st.composite
def asked_code(draw: st.DrawFn, codes: tuple[str, ...], *, implied: bool = True) -> Asked:
    code = draw(pick(codes))
    system = draw(pick(("", "https://whatever.example|"))) if implied else ""
    return f"{system}{code}", lambda found: is_token(found, None, code)


@st.composite
def asked_number(draw: st.DrawFn) -> Asked:
    prefix, text = draw(pick(("", *PREFIXES))), draw(pick(NUMBERS))
    asked = number_asked(prefix or "eq", text)
    return f"{prefix}{text}", lambda found: compares(prefix or "eq", quantity_extent({"value": found}), asked)  # type: ignore[arg-type]


@st.composite
def asked_quantity(draw: st.DrawFn) -> Asked:
    prefix, text, of = draw(pick(("", *PREFIXES))), draw(pick(NUMBERS)), draw(pick(UNITS))
    asked = number_asked(prefix or "eq", text)

    def holds(found: Json) -> bool:
        extent = quantity_extent(found)
        return extent is not None and has_unit(found, of) and compares(prefix or "eq", extent, asked)

    return f"{prefix}{text}" + (f"|{escape(of[0])}|{escape(of[1])}" if of else ""), holds


@st.composite
def asked_date(draw: st.DrawFn) -> Asked:
    prefix, text = draw(pick(("", *PREFIXES))), draw(pick(ASKED))
    return f"{prefix}{text}", lambda found: compares(prefix or "eq", found, date_asked(prefix or "eq", text))


asked_text: st.SearchStrategy[Asked] = pick(("bloed", "Bloeddruk,", "gewicht", "druk")).map(
    lambda text: (escape(text), lambda found: starts(found, text))
)
asked_reference: st.SearchStrategy[Asked] = pick(TARGETS).map(lambda target: (target, lambda found: refers(found, target)))
asked_document: st.SearchStrategy[Asked] = (
    pick(TARGETS).map(as_document).map(lambda target: (target, lambda found: refers(found, target)))
)


@st.composite
def single(draw: st.DrawFn, name: str, values: Values, asked: st.SearchStrategy[Asked], missing: Values | None = None) -> Condition:
    """A parameter with one or two values, or ``:missing``."""
    if draw(st.integers(0, 8)) == 0:
        there = draw(st.booleans())
        return Condition(
            f"{name}:missing", str(not there).lower(), lambda resource: bool(list((missing or values)(resource))) is there
        )
    parts = draw(few(asked))
    return Condition(
        name,
        ",".join(text for text, _ in parts),
        lambda resource: any(holds(one) for one in values(resource) for _, holds in parts),
    )


def found(name: str, values: Values, asked: st.SearchStrategy[Asked]) -> st.SearchStrategy[Condition]:
    """A parameter with a modifier and one value."""
    return asked.map(lambda one: Condition(name, one[0], lambda resource: any(map(one[1], values(resource)))))


def negated(condition: Condition, name: str) -> Condition:
    return Condition(name, condition.value, lambda resource: not condition.holds(resource))


def pairs(elements: Values, first: Values, second: Values) -> Values:
    return lambda resource: [(one, other) for element in elements(resource) for one in first(element) for other in second(element)]


def composite(name: str, elements: Values, first: tuple[Values, Any], second: tuple[Values, Any]) -> st.SearchStrategy[Condition]:
    asked = st.builds(
        lambda one, other: (f"{one[0]}${other[0]}", lambda pair: one[1](pair[0]) and other[1](pair[1])), first[1], second[1]
    )
    values = pairs(elements, first[0], second[0])
    return single(name, values, asked, lambda resource: [one for one, _ in values(resource) if has_code(one)])


def has_code(value_: Json) -> bool:
    return "reference" in value_ or "code" in value_ or "coding" in value_


def words_of(values: Values) -> Values:
    return lambda resource: [text for one in values(resource) for text in words(one)]


def itself(resource: Json) -> Iterable[Json]:
    return [resource]


def is_of_type(identifier: Json, value: str) -> bool:
    return bool(identifier.get("value") == value and "coding" in identifier.get("type", {}))


def in_set(resource: Json) -> bool:
    return any(code in {"vital-signs", "laboratory"} for one in resource.get("category", []) for code in [one["coding"][0]["code"]])


CODE, PARTS = at("code"), at("component")
WHOLE = asked_token(whole=True)
QUANTITIES = (at("valueQuantity"), asked_quantity())
CONCEPTS = (at("valueCodeableConcept"), WHOLE)
VALUE_SET = "http://hl7.org/fhir/ValueSet/observation-category"
OWN_OR_PARTS = both(itself, PARTS)
CONTEXT = at("useContext")
AMOUNTS = both(at("valueQuantity"), at("valueRange"))
patient: st.SearchStrategy[Asked] = pick(("1", "Patient/1")).map(lambda text: (text, lambda one: refers(one, "Patient/1")))
asked_boolean = asked_code(("true", "false"), implied=False)
BOTH = both(at("valueCodeableConcept"), at("valueBoolean"))
DOCUMENT, CHANGE = (at("target"), asked_document), (CODE, asked_code(("replaces", "appends")))


def whole_dates(name: str) -> Values:
    return lambda resource: dates_of(resource, name)


CONDITIONS: dict[str, st.SearchStrategy[Condition]] = {
    "Observation": st.one_of(
        single("status", at("status"), asked_code(("final", "amended"))),
        single("code", CODE, asked_token()),
        found("code:text", words_of(CODE), asked_text),
        single("combo-code", both(CODE, at("component", "code")), asked_token()),
        single("value-quantity", *QUANTITIES),
        single("component-value-quantity", at("component", "valueQuantity"), asked_quantity()),
        single("combo-value-quantity", both(at("valueQuantity"), at("component", "valueQuantity")), asked_quantity()),
        single("value-concept", CONCEPTS[0], asked_token()),
        single("value-date", whole_dates("value"), asked_date()),
        single("date", whole_dates("effective"), asked_date()),
        single("subject", at("subject"), asked_reference),
        composite("code-value-quantity", itself, (CODE, WHOLE), QUANTITIES),
        composite("code-value-concept", itself, (CODE, WHOLE), CONCEPTS),
        composite("code-value-string", itself, (CODE, WHOLE), (at("valueString"), asked_text)),
        composite("code-value-date", itself, (CODE, WHOLE), (whole_dates("value"), asked_date())),
        composite("component-code-value-quantity", PARTS, (CODE, WHOLE), QUANTITIES),
        composite("component-code-value-concept", PARTS, (CODE, WHOLE), CONCEPTS),
        composite("combo-code-value-quantity", OWN_OR_PARTS, (CODE, WHOLE), QUANTITIES),
        composite("combo-code-value-concept", OWN_OR_PARTS, (CODE, WHOLE), CONCEPTS),
        st.just(Condition("category:in", VALUE_SET, in_set)),
        st.just(Condition("category:not-in", f"{VALUE_SET}|4.0.1", lambda resource: not in_set(resource))),
        found("", CODE, asked_token()).map(lambda one: negated(one, "code:not")),
        found("subject:Patient", at("subject"), patient),
        found("subject:identifier", at("subject", "identifier"), asked_token()),
    ),
    "Questionnaire": st.one_of(
        single("url", at("url"), pick(URLS).map(lambda url: (url, lambda found: found == url))),
        found("url:below", at("url"), pick(URLS[:-1]).map(lambda url: (url, lambda one: is_below(one, url)))),
        found("url:above", at("url"), pick(URLS[:-1]).map(lambda url: (url, lambda one: is_below(url, one)))),
        single("context-quantity", both(at("useContext", "valueQuantity"), at("useContext", "valueRange")), asked_quantity()),
        composite("context-type-quantity", CONTEXT, (CODE, WHOLE), (AMOUNTS, asked_quantity())),
        composite("context-type-value", CONTEXT, (CODE, WHOLE), CONCEPTS),
    ),
    "Patient": st.one_of(
        single("identifier", at("identifier"), asked_token()),
        found("identifier:text", words_of(at("identifier")), asked_text),
        found(
            "identifier:of-type",
            at("identifier"),
            pick(CODES).map(lambda code: (f"{OF_TYPE}|MR|{escape(code)}", lambda one: is_of_type(one, code))),
        ),
    ),
    "Group": st.one_of(
        single("exclude", at("characteristic", "exclude"), asked_code(("true", "false"))),
        composite("characteristic-value", at("characteristic"), (CODE, WHOLE), (BOTH, WHOLE)),
        composite("characteristic-value", at("characteristic"), (CODE, WHOLE), (BOTH, asked_boolean)),
    ),
    "DocumentReference": composite("relationship", at("relatesTo"), DOCUMENT, CHANGE),
    "RiskAssessment": single("probability", at("prediction", "probabilityDecimal"), asked_number()),
}  # fmt: skip
