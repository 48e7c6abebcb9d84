"""Random conditions on random resources: as a parameter of a query, and as what the specification says it means."""

from collections.abc import Callable, Iterable
from random import Random

from random_resources import (
    CATEGORIES,
    CODES,
    DATES,
    LATITUDES,
    LOINC,
    LONGITUDES,
    NUMBERS,
    OF_TYPE,
    OTHER,
    PUBLISHED,
    TARGETS,
    UCUM,
    URLS,
    VERSIONED,
    as_document,
)
from spoken_search import (
    Condition,
    Json,
    compares,
    date_asked,
    dates_of,
    distance,
    escape,
    has_unit,
    is_below,
    is_token,
    number_asked,
    quantity_extent,
    refers,
    starts,
    tokens,
    words,
)

ASKED = (*DATES, "2026-03-29T12:00", "2026-03-29T14:00:00")
ABOVE = (*URLS[:-1], PUBLISHED.rpartition("/")[0], PUBLISHED)
STATUS, RELATION = "http://hl7.org/fhir/observation-status", "http://hl7.org/fhir/document-relationship-type"
PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")
UNITS = (("", "mg"), ("", "mm[Hg]"), ("", "mmHg"), (UCUM, "mg"), (UCUM, "mm[Hg]"), (OTHER, "mg"))
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


# One value that is asked for: how it is written, and which values of a resource are meant.
Asked = tuple[str, Callable[[Json], bool]]
# Asks for one value, mostly near one that a resource has (None: there is none).
Ask = Callable[[Random, Json], Asked]
# Makes a condition on one of the resources.
Make = Callable[[Random, list[Json]], Condition]


def asked_token(rng: Random, near: Json) -> Asked:
    there = sorted(one for one in tokens(near) if one[1]) if near is not None else []
    system, code = rng.choice(there or [(LOINC, CODES[0])])
    code = rng.choice((code, code, *CODES))
    wanted = rng.choice((None, system, system, CATEGORIES, OTHER, ""))
    text = escape(code) if wanted is None else f"{escape(wanted)}|{escape(code)}"
    return text, lambda found: is_token(found, wanted, code)


def asked_system(rng: Random, near: Json) -> Asked:
    if near is not None and rng.randrange(8):
        return asked_token(rng, near)
    system = rng.choice((LOINC, OTHER))
    return f"{escape(system)}|", lambda found: is_token(found, system, "")


def asked_code(*codes: str, system: str = "", implied: bool = True) -> Ask:
    """Ask for one of ``codes``, with or without the ``system`` that they all have; "": none, and any may be named."""

    def ask(rng: Random, _near: Json) -> Asked:
        code = rng.choice(codes)
        named = rng.choice(("", system, "https://whatever.example")) if implied else ""
        fits = not system or named in {"", system}
        return f"{named}|{code}" if named else code, lambda found: fits and is_token(found, None, code)

    return ask


def asked_number(rng: Random, near: Json) -> Asked:
    text = str(near) if near is not None and rng.random() < 0.5 else rng.choice(NUMBERS)
    prefix = rng.choice(("", "", *PREFIXES))
    asked = number_asked(prefix or "eq", text)
    return f"{prefix}{text}", lambda found: compares(prefix or "eq", quantity_extent({"value": found}), asked)  # type: ignore[arg-type]


def asked_quantity(rng: Random, near: Json) -> Asked:
    one = (near or {}).get("low") or (near or {}).get("high") or near or {}
    text, _ = asked_number(rng, one.get("value"))
    prefix = text[:2] if text[:2].isalpha() else "eq"
    asked = number_asked(prefix, text.removeprefix(prefix))
    own = [(one.get("system", ""), one["code"])] * 2 + [("", one["code"])] if "code" in one else []
    own += [("", one["unit"])] if "unit" in one else []
    of = rng.choice((None, None, *own, *own, *UNITS))

    def holds(found: Json) -> bool:
        extent = quantity_extent(found)
        return extent is not None and has_unit(found, of) and compares(prefix, extent, asked)

    return text + (f"|{escape(of[0])}|{escape(of[1])}" if of else ""), holds


def asked_date(rng: Random, _near: Json) -> Asked:
    prefix, text = rng.choice(("", *PREFIXES)), rng.choice(ASKED)
    return f"{prefix}{text}", lambda found: compares(prefix or "eq", found, date_asked(prefix or "eq", text))


def one_of(texts: Iterable[str], holds: Callable[[Json, str], bool], write: Callable[[str], str] = str) -> Ask:
    """Ask for one of ``texts``."""
    several = tuple(texts)

    def ask(rng: Random, _near: Json) -> Asked:
        text = rng.choice(several)
        return write(text), lambda found: holds(found, text)

    return ask


def single(name: str, values: Values, ask: Ask, missing: Values | None = None) -> Make:
    """A parameter with one or two values, or ``:missing``."""

    def make(rng: Random, resources: list[Json]) -> Condition:
        if rng.randrange(9) == 0:
            there = rng.random() < 0.5
            return Condition(f"{name}:missing", str(not there).lower(), lambda one: bool(list((missing or values)(one))) is there)
        parts = [ask(rng, near(rng, values, resources)) for _ in range(rng.choice((1, 2)))]
        return Condition(
            name, ",".join(text for text, _ in parts), lambda one: any(holds(value) for value in values(one) for _, holds in parts)
        )

    return make


def near(rng: Random, values: Values, resources: list[Json]) -> Json:
    there = [value for one in resources for value in values(one)]
    return rng.choice(there) if there and rng.randrange(6) else None


def found(name: str, values: Values, ask: Ask, *, negated: bool = False) -> Make:
    """A parameter with a modifier and one value."""

    def make(rng: Random, resources: list[Json]) -> Condition:
        text, holds = ask(rng, near(rng, values, resources))
        return Condition(name, text, lambda one: any(map(holds, values(one))) is not negated)

    return make


def pairs(elements: Values, first: Values, second: Values) -> Values:
    return lambda resource: [(one, other) for element in elements(resource) for one in first(element) for other in second(element)]


def composite(name: str, elements: Values, first: tuple[Values, Ask], second: tuple[Values, Ask]) -> Make:
    def ask(rng: Random, near: Json) -> Asked:
        one, other = (part[1](rng, value) for part, value in zip((first, second), near or (None, None), strict=True))
        return f"{one[0]}${other[0]}", lambda pair: one[1](pair[0]) and other[1](pair[1])

    values = pairs(elements, first[0], second[0])
    return single(name, values, ask, lambda resource: [one for one, _ in values(resource) if has_code(one)])


def has_code(value_: Json) -> bool:
    return "reference" in value_ or "code" in value_ or "coding" in value_


def words_of(values: Values) -> Values:
    return lambda resource: [text for one in values(resource) for text in words(one)]


def itself(resource: Json) -> Iterable[Json]:
    return [resource]


def is_of_type(identifier: Json, value: str) -> bool:
    return bool(identifier.get("value") == value and "coding" in identifier.get("type", {}))


CODE, PARTS = at("code"), at("component")
asked_text = one_of(("bloed", "Bloeddruk,", "gewicht", "druk"), starts, escape)
asked_reference = one_of(TARGETS, refers)
asked_relation = asked_code("replaces", "appends", system=RELATION)
asked_boolean = asked_code("true", "false", implied=False)
FIRST = (CODE, asked_token)
QUANTITIES = (at("valueQuantity"), asked_quantity)
CONCEPTS = (at("valueCodeableConcept"), asked_token)
OWN_OR_PARTS = both(itself, PARTS)
CONTEXT = at("useContext")
AMOUNTS = both(at("valueQuantity"), at("valueRange"))
BOTH = both(at("valueCodeableConcept"), at("valueBoolean"))
DOCUMENT = (at("target"), one_of(map(as_document, TARGETS), refers))
VALUE_SET = "http://hl7.org/fhir/ValueSet/observation-category"


def is_canonical(found: str, wanted: str) -> bool:
    return found == wanted or found.partition("|")[0] == wanted


def in_value_set(concept: Json, _url: str) -> bool:
    return bool(concept["coding"][0]["code"] in {"vital-signs", "laboratory"})


def patients(resource: Json) -> list[Json]:
    return [one for one in at("subject")(resource) if "Patient/" in one.get("reference", "")]


def whole_dates(name: str) -> Values:
    return lambda resource: dates_of(resource, name)


def asked_near(rng: Random, near: Json) -> Asked:
    """A place, mostly beside one that there is, and a distance; never one that a place has to within a metre."""
    latitude, longitude = rng.choice(LATITUDES), rng.choice(LONGITUDES)
    if near is not None and rng.random() < 0.7:
        latitude, longitude = near["latitude"], max(-180.0, near["longitude"] - rng.choice((0, 0.01, 0.1)))
    far = rng.choice((0.0, 5.0, 700.0, 8_000.0, 20_000.0, 5_000_000.0, 12_000_000.0, 21_000_000.0))
    every = [distance(latitude, longitude, one, other) for one in LATITUDES for other in LONGITUDES]
    while any(abs(each - far) <= 1 for each in every if each > 0.01):  # two places near a pole are decimetres apart
        far += 1.5
    text = rng.choice((f"{far / 1000}", f"{far / 1000}|km", f"{far}|m", f"{far / 1852}|[nmi_i]"))
    return f"{latitude}|{longitude}|{text}", lambda found: distance(latitude, longitude, **found) <= far + 0.5


CONDITIONS: dict[str, list[Make]] = {
    "Observation": [
        single("status", at("status"), asked_code("final", "amended", system=STATUS)),
        single("code", CODE, asked_system),
        found("code:text", words_of(CODE), asked_text),
        single("combo-code", both(CODE, at("component", "code")), asked_system),
        single("value-quantity", *QUANTITIES),
        single("component-value-quantity", at("component", "valueQuantity"), asked_quantity),
        single("combo-value-quantity", both(at("valueQuantity"), at("component", "valueQuantity")), asked_quantity),
        single("value-concept", CONCEPTS[0], asked_system),
        single("value-date", whole_dates("value"), asked_date),
        single("date", whole_dates("effective"), asked_date),
        single("subject", at("subject"), asked_reference),
        single("patient", patients, asked_reference),
        composite("code-value-quantity", itself, FIRST, QUANTITIES),
        composite("code-value-concept", itself, FIRST, CONCEPTS),
        composite("code-value-string", itself, FIRST, (at("valueString"), asked_text)),
        composite("code-value-date", itself, FIRST, (whole_dates("value"), asked_date)),
        composite("component-code-value-quantity", PARTS, FIRST, QUANTITIES),
        composite("component-code-value-concept", PARTS, FIRST, CONCEPTS),
        composite("combo-code-value-quantity", OWN_OR_PARTS, FIRST, QUANTITIES),
        composite("combo-code-value-concept", OWN_OR_PARTS, FIRST, CONCEPTS),
        found("category:in", at("category"), one_of([VALUE_SET], in_value_set)),
        found("category:not-in", at("category"), one_of([f"{VALUE_SET}|4.0.1"], in_value_set), negated=True),
        found("code:not", CODE, asked_system, negated=True),
        found("subject:Patient", at("subject"), one_of(["1", "Patient/1"], lambda one, _: refers(one, "Patient/1"))),
        found("subject:identifier", at("subject", "identifier"), asked_system),
    ],
    "Questionnaire": [
        single("url", at("url"), one_of(URLS, str.__eq__)),
        found("url:below", at("url"), one_of(URLS[:-1], is_below)),
        found("url:above", at("url"), one_of(URLS[:-1], lambda one, url: is_below(url, one))),
        found("_source:below", at("meta", "source"), one_of(URLS[:-1], is_below)),
        single("_source", at("meta", "source"), one_of(URLS, str.__eq__)),
        single("_profile", at("meta", "profile"), one_of((URLS[0], *VERSIONED, f"{URLS[0]}|2", PUBLISHED), is_canonical)),
        found("_profile:below", at("meta", "profile"), one_of((*ABOVE, *VERSIONED), is_below)),
        found("_profile:above", at("meta", "profile"), one_of(VERSIONED, lambda one, url: "|" in one and is_below(url, one))),
        single("context-quantity", both(at("useContext", "valueQuantity"), at("useContext", "valueRange")), asked_quantity),
        composite("context-type-quantity", CONTEXT, FIRST, (AMOUNTS, asked_quantity)),
        composite("context-type-value", CONTEXT, FIRST, CONCEPTS),
    ],
    "Patient": [
        single("identifier", at("identifier"), asked_system),
        found("identifier:text", words_of(at("identifier")), asked_text),
        found("identifier:of-type", at("identifier"), one_of(CODES, is_of_type, lambda code: f"{OF_TYPE}|MR|{escape(code)}")),
    ],
    "Group": [
        single("exclude", at("characteristic", "exclude"), asked_code("true", "false")),
        composite("characteristic-value", at("characteristic"), FIRST, (BOTH, asked_token)),
        composite("characteristic-value", at("characteristic"), FIRST, (BOTH, asked_boolean)),
    ],
    "DocumentReference": [composite("relationship", at("relatesTo"), DOCUMENT, (CODE, asked_relation))],
    "Location": [single("near", at("position"), asked_near), single("near", at("position"), asked_near)],
    "RiskAssessment": [single("probability", at("prediction", "probabilityDecimal"), asked_number)],
}  # fmt: skip
