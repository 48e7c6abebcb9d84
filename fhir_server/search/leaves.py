"""The index rows of one value, one function for each kind of parameter and FHIR type.

``prefix`` is "Type<US>parameter<US>", the part of the hashed text that all values of a parameter share.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from fhir_server.catalog.usual_codes import usual_codes
from fhir_server.search import values
from fhir_server.search.rows import EARLIEST, LATEST, NO_SYSTEM, US, IndexRow, TextRow, key, system_key
from profiles.conformance import structure_definitions

Rows = list[IndexRow]
Texts = list[TextRow]
Json = Any
often = lru_cache(maxsize=8192)(key)
_USUAL = frozenset(
    (f"{type_}{US}{param}{US}", system, code) for (type_, param, system), codes in usual_codes().items() for code in codes
)


def code(rows: Rows, prefix: str, value: str, sort: int) -> None:
    """Index a code, id, string or uri as a token without system."""
    rows.append(IndexRow(often(prefix + value), sort, NO_SYSTEM))


def boolean(rows: Rows, prefix: str, value: object, sort: int) -> None:
    """Index a boolean as the token true or false."""
    rows.append(IndexRow(often(prefix + ("true" if value else "false")), sort, NO_SYSTEM))


def deceased(rows: Rows, prefix: str, resource: Mapping[str, Json], sort: int) -> None:
    """Index ``Patient.deceased.exists() and Patient.deceased != false``."""
    boolean(rows, prefix, "deceasedDateTime" in resource or resource.get("deceasedBoolean") is True, sort)


def pair(rows: Rows, prefix: str, system: str | None, value: str | None, sort: int) -> None:
    """Index a value and its system, and the system by itself under the empty value (for ``system|``) unless the code is usual."""
    high = often(system) if system else NO_SYSTEM
    if value:
        rows.append(IndexRow(often(prefix + value), sort, high))
    if system and (prefix, system, value) not in _USUAL:
        rows.append(IndexRow(often(prefix), sort, high))


def coding(rows: Rows, prefix: str, value: Mapping[str, Json], sort: int) -> None:
    """Index a Coding."""
    pair(rows, prefix, value.get("system"), value.get("code"), sort)


def concept(rows: Rows, prefix: str, value: Mapping[str, Json], sort: int) -> None:
    """Index every Coding of a CodeableConcept."""
    for one in value.get("coding", ()):
        pair(rows, prefix, one.get("system"), one.get("code"), sort)


def identifier(rows: Rows, prefix: str, value: Mapping[str, Json], sort: int) -> None:
    """Index an Identifier or a ContactPoint."""
    pair(rows, prefix, value.get("system"), value.get("value"), sort)


def coding_text(texts: Texts, prefix: str, value: Mapping[str, Json]) -> None:
    """Index the display of a Coding for ``:text``."""
    if value.get("display"):
        string(texts, f"{prefix[:-1]}:text\x1f", value["display"])


def concept_text(texts: Texts, prefix: str, value: Mapping[str, Json]) -> None:
    """Index the text of a CodeableConcept and the displays of its Codings for ``:text``."""
    if value.get("text"):
        string(texts, f"{prefix[:-1]}:text\x1f", value["text"])
    for one in value.get("coding", ()):
        coding_text(texts, prefix, one)


def identifier_type(rows: Rows, texts: Texts, prefix: str, value: Mapping[str, Json], sort: int) -> None:
    """Index the type of an Identifier, if it has one: its text for ``:text``, its codes with the value for ``:of-type``."""
    kind = value.get("type")
    if kind:
        concept_text(texts, prefix, {"text": kind.get("text")})
        for one in kind.get("coding", ()) if value.get("value") else ():
            if one.get("code"):
                parts = key(f"{prefix[:-1]}:of-type", one["code"], value["value"])
                rows.append(IndexRow(parts, sort, system_key(one.get("system") or "")))


def reference(rows: Rows, prefix: str, value: Mapping[str, Json], sort: int, base: str) -> None:
    """Index a Reference: the literal one as "Type/id" or absolute URL, the logical one as a token of "parameter:identifier"."""
    literal = value.get("reference")
    if literal and literal[0] != "#":
        rows.append(IndexRow(_pointed(prefix, prefix, literal, base), sort, 0))
    if "identifier" in value:
        identifier(rows, f"{prefix[:-1]}:identifier\x1f", value["identifier"], sort)


def narrowed(rows: Rows, prefix: str, wide: str, value: Mapping[str, Json], sort: int, base: str) -> None:
    """Index a Reference whose literal belongs to the parameter of the prefix ``wide`` as well, and tells its type: under that."""
    literal = value.get("reference")
    if literal and literal[0] != "#":
        rows.append(IndexRow(_pointed(prefix, wide, literal, base), sort, 0))
    if "identifier" in value:
        identifier(rows, f"{prefix[:-1]}:identifier\x1f", value["identifier"], sort)


def canonical(rows: Rows, prefix: str, value: str, sort: int, base: str) -> None:
    """Index a canonical of a reference parameter, with and without its version."""
    for one in dict.fromkeys((value, value.partition("|")[0])):
        rows.append(IndexRow(_pointed(prefix, prefix, one, base), sort, 0))


@lru_cache(maxsize=16384)
def _pointed(prefix: str, wide: str, literal: str, base: str) -> int:
    found = target(literal, base)
    return key((wide if "/" in found else prefix) + found)


def uri(rows: Rows, prefix: str, value: str, sort: int) -> None:
    """Index a uri as it is written."""
    rows.append(IndexRow(often(prefix + value), sort, 0))


def uri_of_version(rows: Rows, prefix: str, value: str, sort: int) -> None:
    """Index a canonical of a uri parameter, with and without its version."""
    for one in dict.fromkeys((value, value.partition("|")[0])):
        uri(rows, prefix, one, sort)


def uri_below(texts: Texts, prefix: str, value: str) -> None:
    """Index a URL, as it is written, for ``:below``."""
    if "://" in value:
        texts.append(TextRow(often(f"{prefix[:-1]}:below"), value, value))


def profile_below(texts: Texts, prefix: str, value: str) -> None:
    """Index a profile for ``:below``, but none of our own: nearly every resource has one of those, and a search names them."""
    if value not in structure_definitions():
        uri_below(texts, prefix, value)


def date(rows: Rows, prefix: str, value: str) -> None:
    """Index a date, dateTime or instant; what is none (from a source that takes it less strictly) has no row."""
    with suppress(values.DateError):
        rows.append(IndexRow(often(prefix[:-1]), *values.span(value)))


def period(rows: Rows, prefix: str, value: Mapping[str, Json]) -> None:
    """Index a Period; a side that is not given is open."""
    start, end = value.get("start"), value.get("end")
    if start or end:
        with suppress(values.DateError):
            low = values.span(start).low if start else EARLIEST
            rows.append(IndexRow(often(prefix[:-1]), low, values.span(end).high if end else LATEST))


def timing(rows: Rows, prefix: str, value: Mapping[str, Json]) -> None:
    """Index the outer limits of a Timing: its events and the period within which it repeats.

    What happens between them does not count (https://hl7.org/fhir/R4/search.html#date), so that a Timing is one row.
    """
    found: Rows = []
    for event in value.get("event", ()):
        if event is not None:
            date(found, prefix, event)
    period(found, prefix, value.get("repeat", {}).get("boundsPeriod", {}))
    if found:
        rows.append(IndexRow(found[0].key, min(row.sort for row in found), max(row.high for row in found)))


def string(texts: Texts, prefix: str, value: str) -> None:
    """Index a string."""
    texts.append(TextRow(often(prefix[:-1]), values.normalise(value), value))


def _parts(*names: str) -> Callable[[Texts, str, Mapping[str, Json]], None]:
    def index(texts: Texts, prefix: str, value: Mapping[str, Json]) -> None:
        for name in names:
            found = value.get(name)
            for one in found if isinstance(found, list) else (found,):
                if one is not None:
                    string(texts, prefix, one)

    return index


human_name = _parts("text", "family", "given", "prefix", "suffix")
address = _parts("text", "line", "city", "district", "state", "postalCode", "country")


def target(literal: str, base: str) -> str:
    """Return what a literal reference points to: "Type/id" for our own ``base``, the URL otherwise, never with a version."""
    root = base if not base or base[-1] == "/" else base + "/"
    relative = literal[len(root) :] if root and literal.startswith(root) else literal
    return relative.partition("/_history/")[0]


def points_to(value: Mapping[str, Json], resource_type: str) -> bool:
    """Tell from the text of a Reference, or else from its ``type``, whether it points to a ``resource_type``."""
    literal = (value.get("reference") or "").partition("/_history/")[0]
    if not literal or literal[0] == "#" or "/" not in literal:
        return bool(value.get("type") == resource_type)
    return bool(literal.split("/")[-2] == resource_type)
