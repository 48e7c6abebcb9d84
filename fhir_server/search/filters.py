"""One search parameter with its modifier and value, as a node of the tree."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from fhir_server.catalog.catalog import Entry
from fhir_server.catalog.definitions import OWN, SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.model.bsn import SYSTEMS, is_bsn
from fhir_server.search import composite_value, leaves, modifiers, position, quantity_value, values
from fhir_server.search.rows import PRESENT
from fhir_server.search.systems import spelled_out
from fhir_server.search.tree import And, Date, Missing, Node, Not, Or, Prefix, ReferenceTo, Text, Token, Uri, Valued

VALUES_MAX = 500
TARGETS_MAX = 12
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def node(entry: Entry, parameter: SearchParameter, modifier: str, value: str, *, base: str = "", in_url: bool = False) -> Node:
    """Read ``value`` (alternatives between commas) of ``parameter``; the rest is as in ``parse``. Raises BadRequest."""
    if modifier == "missing":
        return _missing(entry, parameter, value)
    found = _read(entry, parameter, modifier, value, base, in_url=in_url)
    return any_of([renamed(found, parameter.code, code) for code in parameter.union]) if parameter.union else found


def _read(entry: Entry, parameter: SearchParameter, modifier: str, value: str, base: str, *, in_url: bool) -> Node:
    match parameter.type:
        case "token":
            return spelled_out(_tokens(parameter, modifier, value, in_url=in_url), entry.name, parameter)
        case "reference":
            return _references(parameter, modifier, value, base, in_url=in_url)
        case "string":
            refuse_modifier(parameter.code, modifier, ("exact", "contains", "missing"))
            return any_of([_text(parameter.code, modifier, values.unescape(one)) for one in alternatives(parameter.code, value)])
        case "uri":
            return _uris(parameter, modifier, value)
        case _:
            refuse_modifier(parameter.code, modifier, ("missing",))
            main = parameter.code == entry.main_date
            parts = alternatives(parameter.code, value)
            return any_of([one_value(parameter, one, base, in_url=in_url, main=main) for one in parts])


def one_value(parameter: SearchParameter, value: str, base: str, *, in_url: bool, main: bool = False) -> Node:
    """Read one value of ``parameter`` without modifier; ``main`` tells that it is the main date. Raises BadRequest."""
    match parameter.type:
        case "token":
            return _token(parameter, value, in_url=in_url)
        case "reference":
            return any_of(_reference(parameter, "", values.unescape(value), base))
        case "string":
            return _text(parameter.code, "", values.unescape(value))
        case "uri":
            return Uri(parameter.code, values.unescape(value))
        case "date":
            code, point = parameter.code, parameter.is_point
            return any_of([Date(code, prefix, *span, main, point) for prefix, span in dates(code, value)])
        case "number" | "quantity":
            return quantity_value.node(parameter, value)
        case "special":
            return position.node(parameter.code, value)
        case _:
            return composite_value.node(parameter, value, lambda part, text: one_value(part, text, base, in_url=in_url))


def _missing(entry: Entry, parameter: SearchParameter, value: str) -> Node:
    if value not in {"true", "false"}:
        raise BadRequest(f"The value of '{parameter.code}:missing' is true or false.", detail="search-value")
    if parameter.place == OWN:
        present = Token(f"{parameter.code}:{PRESENT}", "true")
        return present if value == "false" else Not(present)
    missing: Node = Missing(parameter.code, parameter.place)
    if parameter.union:
        missing = And(tuple(Missing(code, entry.search[code].place) for code in parameter.union))
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
        shown = modifier if modifier.replace("-", "").isalpha() and len(modifier) <= 32 else "..."  # noqa: PLR2004 - what fits an error text
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


def renamed(node: Node, old: str, new: str) -> Node:
    """Return a value, or alternatives, of the parameter ``old`` as one of ``new``."""
    if isinstance(node, Or):
        return Or(tuple(renamed(part, old, new) for part in node.parts))
    assert isinstance(node, Valued)
    return replace(node, param=new + node.param.removeprefix(old))


def _tokens(parameter: SearchParameter, modifier: str, value: str, *, in_url: bool) -> Node:
    modifiers.refuse_hierarchy(parameter, modifier)
    refuse_modifier(parameter.code, modifier, modifiers.token_modifiers(parameter))
    parts = alternatives(parameter.code, value)
    match modifier:
        case "text":
            return any_of([_text(f"{parameter.code}:text", "", values.unescape(one)) for one in parts])
        case "of-type":
            found: list[Node] = [modifiers.of_type(parameter.code, one) for one in parts]
            for one in parts if in_url else ():
                _refuse_bsn(f"{parameter.code}:of-type", None, values.unescape(one.rpartition("|")[2]))
        case "in" | "not-in":
            found = [modifiers.in_value_set(parameter, one) for one in parts]
        case _:
            found = [_token(parameter, one, in_url=in_url) for one in parts]
    return Not(any_of(found)) if modifier in {"not", "not-in"} else any_of(found)


def _uris(parameter: SearchParameter, modifier: str, value: str) -> Node:
    refuse_modifier(parameter.code, modifier, ("above", "below", "missing"))
    read = {"above": modifiers.above, "below": modifiers.below}.get(modifier, Uri)
    return any_of([read(parameter.code, values.unescape(one)) for one in alternatives(parameter.code, value)])


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
    if parameter.is_boolean and not code and text not in {"true", "false"}:
        raise BadRequest(f"The value of '{name}' is true or false.", detail="search-value")
    if in_url and name.endswith("identifier"):
        _refuse_bsn(name, system, text)
    implied = parameter.implied_system and not code and (not system or parameter.may_mean(system))
    return Token(name, text, "" if implied else system)  # "": each resource has one row for it


def _refuse_bsn(name: str, system: str | None, text: str) -> None:
    if (not system or system in SYSTEMS) and is_bsn(text):
        raise BadRequest(
            f"The value of '{name}' looks like a BSN, which must not stand in a URL; send the search as POST [type]/_search.",
            detail="bsn-in-url",
        )


def _text(code: str, modifier: str, value: str) -> Text:
    if modifier == "exact":
        return Text(code, value, "exact")
    normal = values.normalise(value)
    if not normal:
        raise BadRequest(f"The value of '{code}' contains nothing to compare.", detail="search-value")
    return Text(code, normal, "contains" if modifier == "contains" else "starts")


def _references(parameter: SearchParameter, modifier: str, value: str, base: str, *, in_url: bool) -> Node:
    parts = alternatives(parameter.code, value)
    if parameter.is_canonical and modifier in modifiers.HIERARCHY:
        return any_of([modifiers.canonical_versions(parameter.code, modifier, values.unescape(one)) for one in parts])
    modifiers.refuse_hierarchy(parameter, modifier)
    refuse_modifier(parameter.code, modifier, ("identifier", "missing", *parameter.targets))
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
