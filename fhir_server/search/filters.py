"""One search parameter with its modifier and value, as a node of the tree."""

import re
from collections.abc import Iterator, Sequence

from fhir_server.catalog.catalog import Entry
from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.search import leaves, values
from fhir_server.search.tree import Date, Missing, Node, Not, Or, Prefix, ReferenceTo, Text, Token, Uri

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
VALUES_MAX = 500
TARGETS_MAX = 12
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_BSN_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def node(entry: Entry, parameter: SearchParameter, modifier: str, value: str, *, base: str = "", in_url: bool = False) -> Node:
    """Read ``value`` (alternatives between commas) of ``parameter``; the rest is as in ``parse``. Raises BadRequest."""
    if modifier == "missing":
        return _missing(parameter, value)
    match parameter.type:
        case "token":
            refuse_modifier(parameter.code, modifier, ("missing", "not"))
            found = any_of([_token(parameter, one, in_url=in_url) for one in alternatives(parameter.code, value)])
            return Not(found) if modifier == "not" else found
        case "reference":
            return _references(parameter, modifier, value, base, in_url=in_url)
        case "date":
            refuse_modifier(parameter.code, modifier, ("missing",))
            main, point = parameter.code == entry.main_date, parameter.is_point
            return any_of(
                [Date(parameter.code, prefix, low, high, main, point) for prefix, (low, high) in dates(parameter.code, value)]
            )
        case "string":
            refuse_modifier(parameter.code, modifier, ("exact", "contains", "missing"))
            return any_of([_text(parameter.code, modifier, values.unescape(one)) for one in alternatives(parameter.code, value)])
        case _:
            refuse_modifier(parameter.code, modifier, ("missing",))
            return any_of([Uri(parameter.code, values.unescape(one)) for one in alternatives(parameter.code, value)])


def _missing(parameter: SearchParameter, value: str) -> Node:
    if value not in {"true", "false"}:
        raise BadRequest(f"The value of '{parameter.code}:missing' is true or false.", detail="search-value")
    missing = Missing(parameter.code, parameter.place)
    return missing if value == "true" else Not(missing)


def alternatives(code: str, value: str) -> list[str]:
    """Split a value at its commas; the parts keep their escapes. Raises BadRequest when one is empty or there are too many."""
    parts = values.split(value, ",")
    if not all(parts):
        raise BadRequest(f"The search parameter '{code}' has an empty value between its commas; remove it.", detail="search-value")
    if len(parts) > VALUES_MAX:
        raise BadRequest(
            f"The search parameter '{code}' has {len(parts)} values; at most {VALUES_MAX} are allowed.", detail="search-value"
        )
    return parts


def refuse_modifier(code: str, modifier: str, supported: Sequence[str]) -> None:
    """Raise BadRequest unless ``modifier`` is "" or among ``supported``."""
    if modifier and modifier not in supported:
        shown = modifier if modifier.isalpha() and len(modifier) <= 32 else "..."  # noqa: PLR2004 - what fits an error text
        names = ", ".join(f":{one}" for one in supported)
        hint = f"supported are {names}" if supported else "it takes no modifier"
        raise BadRequest(f"The modifier ':{shown}' of '{code}' is not supported; {hint}.", detail="search-modifier")


def any_of(nodes: Sequence[Node]) -> Node:
    """Join alternatives."""
    return nodes[0] if len(nodes) == 1 else Or(tuple(dict.fromkeys(nodes)))


def dates(code: str, value: str) -> Iterator[tuple[Prefix, values.Range]]:
    """Read the dates of a value with their prefixes. Raises BadRequest."""
    for one in alternatives(code, value):
        try:
            yield values.compared(one)
        except values.DateError as error:
            raise BadRequest(f"The value of '{code}' is no date: {error}.", detail="search-value") from None


def _token(parameter: SearchParameter, value: str, *, in_url: bool, code: str = "") -> Token:
    name = code or parameter.code
    parts = values.split(value, "|")
    if len(parts) > 2:  # noqa: PLR2004 - system and code
        raise BadRequest(
            f"The value of '{name}' has more than one '|'; escape those that belong to it as '\\|'.", detail="search-value"
        )
    system = values.unescape(parts[0]) if len(parts) == 2 else None  # noqa: PLR2004 - the same
    text = values.unescape(parts[-1])
    if not system and not text:
        raise BadRequest(f"The value of '{name}' names neither a system nor a code.", detail="search-value")
    if in_url and name.endswith("identifier"):
        _refuse_bsn(name, system, text)
    return Token(name, text, "" if parameter.implied_system and not code else system)  # "": each resource has one row for it


def _refuse_bsn(name: str, system: str | None, text: str) -> None:
    if system in {None, "", BSN} and is_bsn(text):
        raise BadRequest(
            f"The value of '{name}' looks like a BSN, which must not stand in a URL; send the search as POST [type]/_search.",
            detail="bsn-in-url",
        )


def is_bsn(text: str) -> bool:
    """Tell whether ``text`` is nine digits that pass the eleven test."""
    if len(text) != len(_BSN_WEIGHTS) or not (text.isascii() and text.isdigit()):
        return False
    return text != "000000000" and sum(int(digit) * weight for digit, weight in zip(text, _BSN_WEIGHTS, strict=True)) % 11 == 0


def _text(code: str, modifier: str, value: str) -> Text:
    if modifier == "exact":
        return Text(code, value, "exact")
    normal = values.normalise(value)
    if not normal:
        raise BadRequest(f"The value of '{code}' contains nothing to compare.", detail="search-value")
    return Text(code, normal, "contains" if modifier == "contains" else "starts")


def _references(parameter: SearchParameter, modifier: str, value: str, base: str, *, in_url: bool) -> Node:
    refuse_modifier(parameter.code, modifier, ("identifier", "missing", *parameter.targets))
    parts = alternatives(parameter.code, value)
    if modifier == "identifier":
        name = f"{parameter.code}:identifier"
        return any_of([_token(parameter, one, in_url=in_url, code=name) for one in parts])
    return any_of([found for one in parts for found in _reference(parameter, modifier, values.unescape(one), base)])


def _reference(parameter: SearchParameter, modifier: str, value: str, base: str) -> list[Node]:
    found = leaves.target(value, base)
    types = (modifier,) if modifier else parameter.targets
    if "/" not in found and ":" not in found:
        if len(types) > TARGETS_MAX:
            raise BadRequest(f"'{parameter.code}' may point to many types; write it as Type/id.", detail="search-value")
        if not types or _ID.fullmatch(found) is None:
            raise BadRequest(f"The value of '{parameter.code}' is no id, Type/id or URL.", detail="search-value")
        return [ReferenceTo(parameter.code, f"{type_}/{found}") for type_ in types]
    if modifier and not leaves.points_to({"reference": found}, modifier):
        raise BadRequest(f"The value of '{parameter.code}:{modifier}' points to another type.", detail="search-value")
    return [ReferenceTo(parameter.code, found)]
