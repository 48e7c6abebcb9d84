"""The providers for which this server speaks MedMij, and the lists that it goes by: ``medmij.toml``.

name = "Netwerkdossier"                             # who we are, on the page that tells of a fault
phone = "088-1234567"                               # whom people call then

[lists]                                             # files; who fetches them from MedMij puts them there (docs/medmij.md)
oauth_clients = "MedMij_OAuthclientlist.xml"
whitelist = "MedMij_Whitelist.xml"
services = "MedMij_Gegevensdienstnamenlijst.xml"

[providers.apotheekdelinde]                         # Zorgaanbiedernaam, without "@medmij"
name = "Apotheek De Linde"                          # what people read
type = "ZA"                                         # ZA, or BAZB for who has no treatment relation
organisation = { ura = "90000383" }                 # whose sources are asked; none for the network itself
privacy = "https://linde.example/privacy"           # the privacy statement
services = ["9000000012"]
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from fhir_server.federation.sources import ORGANISATION
from fhir_server.medmij.catalogue import Service, services

Kind = Literal["ZA", "BAZB"]
NAME = re.compile(r"[a-z]+[0-9]{0,4}(?:[-&.][a-z]+[0-9]{0,4})*")
"""A Zorgaanbiedernaam without "@medmij": fragments of letters and at most four digits, between single "-", "&" or "."."""
_LISTS = ("oauth_clients", "whitelist", "services")
_TOP = frozenset({"name", "phone", "interface", "lists", "providers"})
_KEYS = frozenset({"name", "type", "organisation", "privacy", "services"})
_INTERFACE = "2.2.4"


class InvalidRegistry(ValueError):
    """``medmij.toml`` cannot be used; the text names the file, the table and the key."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider; ``id`` is its name in the lists, ``name`` what people read.

    ``organisation`` are its identifiers ((system, value)); none: it is the network itself. ``privacy`` is the address of its
    privacy statement.
    """

    id: str
    name: str
    kind: Kind
    privacy: str
    services: Mapping[str, Service]
    organisation: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Registry:
    """All of ``medmij.toml``: who we are, where the files of the lists are, by their names, and the providers by their ids."""

    name: str
    phone: str
    interface: str
    lists: Mapping[str, Path]
    providers: Mapping[str, Provider]


def read_registry(path: Path) -> Registry:
    """Return what the file declares; relative paths in it begin at its folder. Raises InvalidRegistry."""
    try:
        return parse_registry(path.read_text(encoding="utf-8"), path.parent)
    except (OSError, UnicodeDecodeError, InvalidRegistry) as error:
        raise InvalidRegistry(f"{path}: {error}") from error


def parse_registry(text: str, folder: Path) -> Registry:
    """Return what ``text`` (TOML) declares. Raises InvalidRegistry."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRegistry(str(error)) from error
    _known("the file", table, _TOP)
    providers = table.get("providers", {})
    if not isinstance(providers, dict) or not providers:
        raise InvalidRegistry("[providers.NAME] is missing: there is nobody to collect from")
    return Registry(
        name=_text("the file", table, "name"),
        phone=_text("the file", table, "phone"),
        interface=table.get("interface", _INTERFACE),
        lists=_lists(table.get("lists"), folder),
        providers={id_: _provider(id_, each) for id_, each in providers.items()},
    )


def _lists(table: Any, folder: Path) -> Mapping[str, Path]:  # noqa: ANN401 - TOML
    if not isinstance(table, dict) or table.keys() != set(_LISTS):
        raise InvalidRegistry(f"[lists] must name each of {', '.join(_LISTS)}")
    return {name: folder / str(given) for name, given in table.items()}


def _provider(id_: str, table: Any) -> Provider:  # noqa: ANN401 - TOML
    where = f"[providers.{id_}]"
    if not NAME.fullmatch(id_):
        raise InvalidRegistry(f"{where} is no Zorgaanbiedernaam: lower-case letters, then at most four digits, between - & and .")
    if not isinstance(table, dict):
        raise InvalidRegistry(f"{where} must be a table")
    _known(where, table, _KEYS)
    kind = table.get("type", "ZA")
    if kind not in get_args(Kind):
        raise InvalidRegistry(f"{where} type must be {' or '.join(get_args(Kind))}")
    organisation = _organisation(where, table.get("organisation", {}))
    privacy = _text(where, table, "privacy")
    if urlsplit(privacy).scheme != "https":
        raise InvalidRegistry(f"{where} privacy must be an https address")
    offered = _services(where, table.get("services"), is_source=bool(organisation))
    return Provider(id_, _text(where, table, "name"), kind, privacy, offered, organisation)


def _services(where: str, ids: Any, *, is_source: bool) -> Mapping[str, Service]:  # noqa: ANN401 - TOML
    known = services()
    if not isinstance(ids, list) or not ids or not all(each in known for each in ids):
        raise InvalidRegistry(f"{where} services must be some of {', '.join(known)}")
    home = "source" if is_source else "network"
    if wrong := [each for each in ids if known[each].home != home]:
        raise InvalidRegistry(
            f"{where} services {', '.join(wrong)} are not for a provider {'with' if is_source else 'without'} organisation"
        )
    return {each: known[each] for each in ids}


def _organisation(where: str, table: Any) -> frozenset[tuple[str, str]]:  # noqa: ANN401 - TOML
    if not isinstance(table, dict):
        raise InvalidRegistry(f'{where} organisation must be a table, such as {{ ura = "90000383" }}')
    _known(f"{where} organisation", table, frozenset(ORGANISATION))
    return frozenset((ORGANISATION[kind], str(value)) for kind, value in table.items())


def _text(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRegistry(f"{where}: {key} is missing or no text")
    return value


def _known(where: str, table: Mapping[str, Any], keys: frozenset[str]) -> None:
    if unknown := sorted(table.keys() - keys):
        raise InvalidRegistry(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(keys))}")
