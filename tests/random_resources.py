"""Random resources, of few different values, so that conditions on them often hold."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from spoken_search import BASE, Json, period_extent

LOINC, UCUM, OTHER = "http://loinc.org", "http://unitsofmeasure.org", "urn:x$y|z"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
CODES, SYSTEMS = ("8480-6", "a$b,c"), (LOINC, OTHER, "")
NUMBERS = ("0", "5", "5.4", "5.40", "5.45", "-3", "95", "99.5", "100", "100.00", "100.5", "105", "110", "0.0054", "1e2", "5.4e-3")
DATES = (
    "2026", "2026-03", "2026-03-29", "2026-10-25", "2026-03-29T12:00:00Z", "2026-03-29T12:00:00+02:00",
    "2026-03-29T12:00:00.500+02:00", "2025-12-31T23:30:00Z", "2026-04-30",
)  # fmt: skip
TEXTS = ("Bloeddruk", "bloeddruk, zittend", "Gewicht")
URLS = (
    "https://a.example/q",
    "https://a.example/q/",
    "https://a.example/q/1",
    "https://a.example/q1",
    "https://a.example/Q",
    "urn:oid:1.2",
)
TARGETS = (
    "Patient/1",
    "Patient/2",
    "Group/1",
    f"{BASE}/Patient/1",
    f"{BASE}/Patient/2/_history/3",
    "https://b.example/fhir/Patient/1",
)
OF_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"

pick = st.sampled_from


def as_document(target: str) -> str:
    return target.replace("Patient", "DocumentReference")


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=1, max_size=2)


number = pick(NUMBERS).map(Decimal)
coding = st.builds(
    lambda system, code, more: {"code": code, **({"system": system} if system else {}), **more},
    pick(SYSTEMS), pick(CODES), some(display=pick(TEXTS)),
)  # fmt: skip
concept = st.builds(
    lambda codings, more: {"coding": codings, **more} if codings else {"text": TEXTS[0]},
    pick((True, True, True, False)).flatmap(lambda coded: few(coding) if coded else st.just([])),
    some(text=pick(TEXTS)),
)
unit = pick(({}, {"unit": "mg"}, {"unit": "mg", "system": UCUM, "code": "mg"}, {"unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
             {"system": OTHER, "code": "mg"}))  # fmt: skip
plain = st.builds(lambda value, of: {"value": value, **of}, number, unit)
quantity = st.builds(
    lambda value, sign: {**value, **({"comparator": sign} if sign else {})}, plain, pick(("", "", "", "<", "<=", ">", ">="))
)


def limits(ends: tuple[Decimal, Decimal], of: Json, left_out: str) -> Json:
    low, high = sorted(ends)
    return {name: {"value": end, **of} for name, end in (("low", low), ("high", high)) if name != left_out}


range_ = st.builds(limits, st.tuples(number, number), unit, pick(("", "low", "high")))
date = pick(DATES)
period = some(start=date, end=date).filter(lambda one: bool(one) and period_extent(one).low < period_extent(one).high)
timing = some(event=few(date), repeat=st.builds(lambda bounds: {"boundsPeriod": bounds}, period)).filter(bool)
reference = some(
    reference=pick(TARGETS), identifier=st.builds(lambda value: {"system": OTHER, "value": value}, pick(CODES))
).filter(bool)  # fmt: skip
category = st.builds(lambda code: {"coding": [{"system": CATEGORIES, "code": code}]}, pick(("vital-signs", "laboratory", "own")))
effective = (
    st.builds(lambda one: {"effectiveDateTime": one}, date)
    | st.builds(lambda one: {"effectivePeriod": one}, period)
    | st.builds(lambda one: {"effectiveTiming": one}, timing)
)
VALUES = {"Quantity": quantity, "CodeableConcept": concept, "String": pick(TEXTS), "DateTime": date, "Period": period}


def valued(types: Iterable[str]) -> st.SearchStrategy[Json]:
    return st.one_of([st.builds(lambda one, name=f"value{type_}": {name: one}, VALUES[type_]) for type_ in types])


def observation(types: Iterable[str]) -> st.SearchStrategy[Json]:
    """One whose value and components are of these types: of few, so that conditions on them often hold."""
    value = valued(types)
    part = st.builds(lambda code, of: {"code": code, **of}, concept, value)
    return st.builds(
        lambda *parts: {name: one for part in parts for name, one in part.items()},
        some(status=pick(("final", "amended")), category=few(category), subject=reference),
        st.builds(lambda code, parts: {"code": code, "component": parts}, concept, few(part)) | some(code=concept),
        value | st.just({}),
        effective | st.just({}),
    )


kind = some(coding=st.just([{"system": OF_TYPE, "code": "MR"}]), text=pick(TEXTS)).filter(bool)
context = st.builds(
    lambda code, of: {"code": code, **of},
    coding,
    st.builds(lambda one: {"valueQuantity": one}, quantity)
    | st.builds(lambda one: {"valueRange": one}, range_)
    | st.builds(lambda one: {"valueCodeableConcept": one}, concept),
)
characteristic = st.builds(
    lambda code, of, out: {"code": code, **of, "exclude": out},
    concept,
    st.builds(lambda one: {"valueBoolean": one}, st.booleans()) | st.builds(lambda one: {"valueCodeableConcept": one}, concept),
    st.booleans(),
)
relates = st.builds(
    lambda code, to: {"code": code, "target": {"reference": to}}, pick(("replaces", "appends")), pick(TARGETS).map(as_document)
)
RESOURCES: dict[str, st.SearchStrategy[Json]] = {
    "Observation": observation(["Quantity"]) | observation(["CodeableConcept"]) | observation(sorted(VALUES)),
    "Questionnaire": some(url=pick(URLS), useContext=few(context)),
    "Patient": some(identifier=few(some(system=st.just(OTHER), value=pick(CODES), type=kind).filter(bool))),
    "Group": some(characteristic=few(characteristic)),
    "DocumentReference": some(relatesTo=few(relates)),
    "RiskAssessment": some(prediction=few(some(probabilityDecimal=number))),
}
