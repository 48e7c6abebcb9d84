"""The index rows of composite parameters: those of the last part, under keys that contain what the other parts are.

``code-value-quantity`` of a blood pressure has the rows of its quantity, once below "any system, 8480-6" and once below "LOINC,
8480-6"; whoever searches composes the same name (``within``) and needs no kind of condition of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from fhir_server.catalog.composite import Component, Composite
from fhir_server.catalog.expression import Path
from fhir_server.search import leaves, quantity
from fhir_server.search.leaves import Rows, Texts
from fhir_server.search.rows import US, IndexRow, key, system_key
from fhir_server.search.walk import walk

Json = Any


def token_form(code: str, system: str | None) -> str:
    """Return how a token stands in a key: its code in any ``system`` (None), or in that one ("" is none)."""
    return f"*{US}{code}" if system is None else f"={system}{US}{code}"


def within(param: str, forms: Iterable[str]) -> str:
    """Return the name under which the last part of the composite ``param`` is indexed when the other parts are ``forms``."""
    return US.join((param, *forms))


def composite(rows: Rows, texts: Texts, prefix: str, element: Mapping[str, Json], sort: int, base: str, of: Composite) -> bool:
    """Index ``element``; tells whether it has a value for every part."""
    *others, last = of.components
    values = [(path, value) for path in _there(last, element) for value in walk(element, path)]
    found = [*product(*(dict.fromkeys(_forms(part, element, base)) for part in others))] if values else []
    for forms in found:
        for path, value in values:
            _INDEX[last.type](rows, texts, f"{within(prefix[:-1], forms)}{US}", path, value, sort, base)
    return bool(found)


def _there(part: Component, element: Mapping[str, Json]) -> list[Path]:
    """Return the paths that lead anywhere; of the types of a value all but one lead nowhere."""
    return [path for path in part.paths if path.steps and path.steps[0].name in element]


def _forms(part: Component, element: Mapping[str, Json], base: str) -> Iterator[str]:
    for path in _there(part, element):
        for value in walk(element, path):
            if part.type == "reference":
                literal = value if isinstance(value, str) else value.get("reference", "")
                yield leaves.target(literal, base)
            else:
                for system, code in _tokens(path, value):
                    yield token_form(code, None)
                    yield token_form(code, system)


def _tokens(path: Path, value: Json) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a value as system and code."""
    match path.type:
        case "CodeableConcept":
            found = value.get("coding", ())
        case "Coding":
            found = (value,)
        case "Identifier" | "ContactPoint":
            found = ({"system": value.get("system"), "code": value.get("value")},)
        case "boolean":
            found = ({"code": "true" if value else "false"},)
        case _:
            found = ({"code": value},)
    return ((one.get("system") or "", one["code"]) for one in found if one.get("code"))


Index = Callable[[Rows, Texts, str, Path, Json, int, str], None]


def _token(rows: Rows, _texts: Texts, prefix: str, path: Path, value: Json, sort: int, _base: str) -> None:
    rows.extend(IndexRow(key(prefix + code), sort, system_key(system)) for system, code in _tokens(path, value))


def _reference(rows: Rows, _texts: Texts, prefix: str, path: Path, value: Json, sort: int, base: str) -> None:
    (leaves.canonical if path.type == "canonical" else leaves.reference)(rows, prefix, value, sort, base)


_DATE = {"Period": leaves.period, "Timing": leaves.timing}
_STRING = {"HumanName": leaves.human_name, "Address": leaves.address}
_INDEX: dict[str, Index] = {
    "token": _token,
    "reference": _reference,
    "uri": lambda rows, _texts, prefix, _path, value, sort, _base: leaves.uri(rows, prefix, value, sort),
    "date": lambda rows, _texts, prefix, path, value, _sort, _base: _DATE.get(path.type, leaves.date)(rows, prefix, value),
    "string": lambda _rows, texts, prefix, path, value, _sort, _base: _STRING.get(path.type, leaves.string)(texts, prefix, value),
    "number": lambda rows, _texts, prefix, _path, value, _sort, _base: quantity.number(rows, prefix, value),
    "quantity": lambda rows, _texts, prefix, _path, value, _sort, _base: quantity.quantity(rows, prefix, value),
}
