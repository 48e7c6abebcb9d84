"""Random resources, of few different values, so that conditions on them often hold."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

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
VERSIONED = (f"{URLS[0]}|1", f"{URLS[0]}|1.1", f"{URLS[0]}|10")
PUBLISHED = "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZOTask"  # a profile of our own, which the index keeps otherwise
TARGETS = (
    "Patient/1",
    "Patient/2",
    "Group/1",
    f"{BASE}/Patient/1",
    f"{BASE}/Patient/2/_history/3",
    "https://b.example/fhir/Patient/1",
)
LATITUDES = (-90.0, -33.9, 0.0, 51.98, 52.0, 52.09, 52.1, 89.99, 90.0)
LONGITUDES = (-180.0, -179.99, -0.01, 0.0, 5.0, 5.12, 5.2, 179.99, 180.0)
OF_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"

# Makes a value; of these and no other kind of strategy, so that every kind of value is as likely as the next.
Maker = Callable[[Random], Any]


def pick(options: Sequence[Any]) -> Maker:
    return lambda rng: rng.choice(options)


def builds(function: Callable[..., Any], *parts: Maker) -> Maker:
    return lambda rng: function(*(part(rng) for part in parts))


def either(*makers: Maker) -> Maker:
    return lambda rng: rng.choice(makers)(rng)


def few(maker: Maker) -> Maker:
    return lambda rng: [maker(rng) for _ in range(rng.choice((1, 1, 2)))]


def some(**fields: Maker) -> Maker:
    return lambda rng: {name: maker(rng) for name, maker in fields.items() if rng.random() < 0.6}


def until(maker: Maker, holds: Callable[[Any], Any]) -> Maker:
    def make(rng: Random) -> Any:
        while not holds(value := maker(rng)):
            pass
        return value

    return make


def named(name: str, maker: Maker) -> Maker:
    return builds(lambda one: {name: one}, maker)


def joined(*makers: Maker) -> Maker:
    return builds(lambda *parts: {name: one for part in parts for name, one in part.items()}, *makers)


def limits(ends: list[Decimal], of: Json, left_out: str) -> Json:
    return {name: {"value": end, **of} for name, end in zip(("low", "high"), sorted(ends), strict=True) if name != left_out}


def place(latitude: float, longitude: float) -> Json:
    return {"latitude": latitude, "longitude": longitude}


def as_document(target: str) -> str:
    return target.replace("Patient", "DocumentReference")


def is_period(value: Json) -> bool:
    return bool(value) and period_extent(value).low < period_extent(value).high


nothing = pick(({},))
number = builds(Decimal, pick(NUMBERS))
coding = joined(
    named("code", pick(CODES)), either(named("system", pick(SYSTEMS[:-1])), nothing), either(nothing, named("display", pick(TEXTS)))
)
coded = joined(named("coding", few(coding)), some(text=pick(TEXTS)))
concept = either(coded, coded, coded, named("text", pick(TEXTS)))
unit = pick(
    (
        {},
        {"unit": "mg"},
        {"unit": "mg", "system": UCUM, "code": "mg"},
        {"unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        {"system": OTHER, "code": "mg"},
    )
)
comparator = either(nothing, nothing, named("comparator", pick(("<", "<=", ">", ">="))))
quantity = joined(named("value", number), unit, comparator)
range_ = builds(limits, builds(lambda *ends: [*ends], number, number), unit, pick(("", "low", "high")))
date = pick(DATES)
period = until(some(start=date, end=date), is_period)
timing = until(some(event=few(date), repeat=named("boundsPeriod", period)), bool)
business = joined(named("value", pick(CODES)), named("system", pick((OTHER,))))
reference = until(some(reference=pick(TARGETS), identifier=business), bool)
category = named("coding", builds(lambda code: [{"system": CATEGORIES, "code": code}], pick(("vital-signs", "laboratory", "own"))))
effective = either(named("effectiveDateTime", date), named("effectivePeriod", period), named("effectiveTiming", timing), nothing)
VALUES = {"Quantity": quantity, "CodeableConcept": concept, "String": pick(TEXTS), "DateTime": date, "Period": period}


def observation(*types: str) -> Maker:
    """One whose value and components are of these types: of few, so that conditions on them often hold."""
    value = either(*(named(f"value{type_}", VALUES[type_]) for type_ in types))
    return joined(
        some(status=pick(("final", "amended")), category=few(category), subject=reference, code=concept),
        either(value, value, nothing),
        either(named("component", few(joined(named("code", concept), value))), nothing),
        effective,
    )


amount = either(named("valueQuantity", quantity), named("valueRange", range_))
answer = named("valueCodeableConcept", concept)
context = joined(named("code", coding), either(amount, answer))
truth = pick((True, False))
characteristic = joined(named("code", concept), either(named("valueBoolean", truth), answer), named("exclude", truth))
document = named("reference", builds(as_document, pick(TARGETS)))
relates = joined(named("code", pick(("replaces", "appends"))), named("target", document))
kind = until(some(coding=pick(([{"system": OF_TYPE, "code": "MR"}],)), text=pick(TEXTS)), bool)
RESOURCES: dict[str, Maker] = {
    "Observation": either(observation("Quantity"), observation("CodeableConcept"), observation(*VALUES)),
    "Questionnaire": some(
        url=pick(URLS),
        useContext=few(context),
        meta=some(source=pick(URLS), profile=few(pick((*URLS, *VERSIONED, PUBLISHED)))),
    ),
    "Patient": some(identifier=few(until(some(system=pick((OTHER,)), value=pick(CODES), type=kind), bool))),
    "Group": some(characteristic=few(characteristic)),
    "DocumentReference": some(relatesTo=few(relates)),
    "Location": some(position=builds(place, pick(LATITUDES), pick(LONGITUDES)), name=pick(TEXTS)),
    "RiskAssessment": some(prediction=few(some(probabilityDecimal=number))),
}
