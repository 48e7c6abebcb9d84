"""The catalogue: what the server does with each resource type, read from ``profiles/catalog.toml`` and checked."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path as File
from types import MappingProxyType
from typing import Any, Literal, get_args

import profiles
from fhir_server.catalog.definitions import SearchParameter, narrowing, search_parameter, united
from fhir_server.catalog.expression import ExpressionError, Path, paths
from fhir_server.catalog.registered import Registered
from profiles.definitions import resource_types

Home = Literal["owned", "federated", "both", "published"]
INTERACTIONS = frozenset(
    {"read", "vread", "create", "update", "patch", "delete", "history-instance", "history-type", "search-type"}
)
LAST_UPDATED = "_lastUpdated"
OWN_CATEGORIES = "https://netwerkdossier.example/fhir/CodeSystem/data-category"
NATIONAL_CATEGORIES = "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs"
_OWN = frozenset({"message", "appointment", "self-report", "social-support", "incident"})
_READING = frozenset({"read", "search-type"})
_REQUIRED = frozenset({"home", "interactions", "search", "patient", "main_date", "audit"})
_OPTIONAL = frozenset({"include", "category", "parts", "sort", "author", "tally"})
IN_ROLE = "PractitionerRole"
"""The type of what a professional is as whom, and under which they may write."""
_SORTED_BY_TEXT = frozenset({"token", "reference", "uri"})


@dataclass(frozen=True, slots=True)
class Part:
    """Resources of a type that have the token ``system|code`` in the search parameter ``param`` are of another data category."""

    param: str
    system: str
    code: str
    category: str


class CatalogError(ValueError):
    """The catalogue contradicts itself or FHIR R4; the text names the type and the entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource type.

    ``search`` are its parameters by code, ``includes`` the codes that ``_include`` may follow. ``patient`` says where the dossier
    is named, as written ("subject | id"); ``dossier`` are the same places as paths, and ``own_dossier`` tells that the resource is
    a dossier itself when none of them names one. ``main_date`` is a code of ``search`` or "_lastUpdated". ``sort`` are the tokens,
    references and uris by which the type can be sorted; by dates and strings it always can. ``author`` is the reference parameter,
    and element, that says who made a resource, "" when none does. ``authored`` are types and their ``author``, for the one type
    in whose resources people write (IN_ROLE). ``parts`` are those of its resources that are of another category than the rest.
    ``tally`` are a reference and a code by which resources are counted by dossier, () for none (``search/tally``).
    """

    name: str
    home: Home
    interactions: frozenset[str]
    search: Mapping[str, SearchParameter]
    includes: tuple[str, ...]
    patient: str
    main_date: str
    category: str
    audit: str
    dossier: tuple[Path, ...] = ()
    own_dossier: bool = False
    parts: tuple[Part, ...] = ()
    sort: tuple[str, ...] = ()
    author: str = ""
    authored: tuple[tuple[str, str], ...] = ()
    tally: tuple[str, ...] = ()

    @property
    def is_stored(self) -> bool:
        """Whether the store keeps resources of the type."""
        return self.home in {"owned", "both"}

    @property
    def of_parts(self) -> "tuple[tuple[Part, Entry], ...]":
        """The parts, each with the type as it would be if all of it were of the category of that part."""
        return tuple((each, replace(self, category=each.category, parts=())) for each in self.parts)

    @property
    def category_coding(self) -> str:
        """The data category as "system|code", "" for none."""
        system = OWN_CATEGORIES if self.category in _OWN else NATIONAL_CATEGORIES
        return f"{system}|{self.category}" if self.category else ""


@dataclass(slots=True, eq=False)
class Catalog:
    """All resource types that the server knows, and the parameters by which each can be searched.

    What is stored as SearchParameter changes it while the server runs: then ``types``, and what else is here, are replaced as a
    whole (``catalog/own``). ``wider`` are the types of which more is indexed than can be searched yet, ``own`` the parameters that
    were stored.
    """

    types: Mapping[str, Entry]
    wider: Mapping[str, Entry] = field(default_factory=dict)
    own: Sequence[Registered] = ()

    def indexing(self, type_: str) -> Entry:
        """Return ``type_`` with everything that is to be indexed of it. Raises KeyError."""
        return self.wider.get(type_) or self.types[type_]


def load(file: File | None = None) -> Catalog:
    """Read and check the catalogue (``profiles/catalog.toml`` unless another ``file`` is given). Raises CatalogError."""
    return Catalog(_types((file or File(profiles.__path__[0]) / "catalog.toml").read_text(encoding="utf-8")))


@lru_cache(maxsize=4)
def _types(text: str) -> Mapping[str, Entry]:
    """Return the types of a catalogue, which never change; a text that was read before is not checked again."""
    tables = tomllib.loads(text)
    common = tables.pop("common", {}).get("search", [])
    types = {name: _entry(name, table, common) for name, table in tables.items()}
    if IN_ROLE in types:
        authored = tuple((name, each.author) for name, each in types.items() if each.author)
        types[IN_ROLE] = replace(types[IN_ROLE], authored=authored)
    return MappingProxyType(types)


def _entry(name: str, table: Mapping[str, Any], common: Iterable[str]) -> Entry:
    if name not in resource_types():
        raise CatalogError(f"{name}: FHIR R4 has no such resource type")
    _known(name, "key", table, _REQUIRED | _OPTIONAL)
    if missing := sorted(_REQUIRED - table.keys()):
        raise CatalogError(f"{name}: {', '.join(missing)} is missing")
    search = _search(name, [*table["search"], *common])
    places = [place.strip() for place in table["patient"].split("|") if place.strip()]
    return Entry(
        name=name,
        home=_home(name, table["home"]),
        interactions=_interactions(name, table),
        search=MappingProxyType(search),
        includes=_includes(name, table.get("include", ()), search),
        patient=table["patient"],
        main_date=_main_date(name, table["main_date"], search),
        category=table.get("category", ""),
        audit=table["audit"],
        dossier=tuple(path for place in places if place != "id" for path in _dossier(name, place)),
        own_dossier="id" in places,
        sort=_sort(name, table.get("sort", ()), search),
        parts=_parts(name, table.get("parts", ()), search),
        author=_author(name, table.get("author", ""), search),
        tally=_tally(name, tuple(table.get("tally", ())), search),
    )


def _parts(name: str, told: Sequence[Mapping[str, str]], search: Mapping[str, SearchParameter]) -> tuple[Part, ...]:
    """Return the part of the type; raises CatalogError for two, which one resource could be in, with nothing to say what counts."""
    if len(told) > 1:
        raise CatalogError(f"{name}: {len(told)} parts; there can be one, since a resource could be of the categories of two")
    return tuple(_part(name, each, search) for each in told)


def _part(name: str, told: Mapping[str, str], search: Mapping[str, SearchParameter]) -> Part:
    _known(name, "key of a part", told, {"param", "system", "code", "category"})
    part = Part(**told)
    _known(name, "search parameter", [part.param], [code for code, each in search.items() if each.type == "token"])
    return part


def _known(name: str, what: str, given: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise CatalogError(f"{name}: unknown {what} {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _home(name: str, home: Home) -> Home:
    _known(name, "home", [home], get_args(Home))
    return home


def _interactions(name: str, table: Mapping[str, Any]) -> frozenset[str]:
    given = frozenset(table["interactions"])
    _known(name, "interaction", given, INTERACTIONS)
    if table["home"] in {"federated", "published"} and not given <= _READING:
        raise CatalogError(f"{name}: a {table['home']} type is never written: {', '.join(sorted(given - _READING))}")
    return given


def _search(name: str, codes: Iterable[str]) -> dict[str, SearchParameter]:
    return united({code: _parameter(name, code) for code in codes})


def _parameter(name: str, code: str) -> SearchParameter:
    try:
        found = search_parameter(name, code)
    except ExpressionError as error:
        raise CatalogError(f"{name}: search parameter {code} cannot be indexed: {error}") from error
    if found is None:
        raise CatalogError(f"{name}: there is no search parameter {code}, neither in R4 nor in search-parameters.json")
    return found


def _includes(name: str, codes: Iterable[str], search: Mapping[str, SearchParameter]) -> tuple[str, ...]:
    _known(name, "include", codes, [code for code, parameter in search.items() if parameter.type == "reference"])
    return tuple(codes)


def _sort(name: str, codes: Iterable[str], search: Mapping[str, SearchParameter]) -> tuple[str, ...]:
    _known(name, "sort", codes, [code for code, parameter in search.items() if parameter.type in _SORTED_BY_TEXT])
    return tuple(codes)


def _author(name: str, code: str, search: Mapping[str, SearchParameter]) -> str:
    elements = [code for code, found in search.items() if found.type == "reference" and found.expression == f"{name}.{code}"]
    _known(name, "author", [code] if code else (), elements)
    return code


def _tally(name: str, codes: tuple[str, ...], search: Mapping[str, SearchParameter]) -> tuple[str, ...]:
    single = {code: found for code, found in search.items() if found.expression == f"{name}.{code}" and not found.repeats}
    references = [code for code, found in single.items() if found.type == "reference" and narrowing(name, code) is None]
    tokens = [code for code, found in single.items() if found.type == "token" and found.implied_system]
    if codes and len(codes) != 1 + 1:
        raise CatalogError(f"{name}: a tally is a reference and a code")
    for code, known in zip(codes, (references, tokens), strict=False):
        _known(name, "part of the tally", [code], known)
    return codes


def _main_date(name: str, code: str, search: Mapping[str, SearchParameter]) -> str:
    single = [code for code, found in search.items() if found.type == "date" and not found.repeats]
    _known(name, "main_date", [code], [LAST_UPDATED, *single])
    return code


def _dossier(name: str, place: str) -> tuple[Path, ...]:
    try:
        return paths(f"{name}.{place}.where(resolve() is Patient)", name, ("Reference",))
    except ExpressionError as error:
        raise CatalogError(f"{name}: bad patient path: {error}") from error
