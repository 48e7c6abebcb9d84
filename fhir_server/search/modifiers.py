"""The modifiers of tokens and uris (https://hl7.org/fhir/R4/search.html#modifiers)."""

from collections.abc import Iterator

from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.search import values
from fhir_server.search.rows import US
from fhir_server.search.tree import Node, Or, ReferenceTo, Text, Token, TokenIn, Uri
from profiles.conformance import structure_definitions
from profiles.definitions import value_set_codes

_WITH_TEXT = frozenset({"Coding", "CodeableConcept", "Identifier"})
_WITH_SYSTEM = frozenset({"Coding", "CodeableConcept"})
_OF_TYPE = 3
HIERARCHY = frozenset({"above", "below"})


def token_modifiers(parameter: SearchParameter) -> tuple[str, ...]:
    """Return the modifiers that the values of a token parameter allow."""
    types = {path.type for path in parameter.paths}
    found = ["missing", "not"]
    found += ["text"] if types & _WITH_TEXT else []
    found += ["in", "not-in"] if parameter.implied_system or types & _WITH_SYSTEM else []
    return (*found, *(["of-type"] if "Identifier" in types else []))


_INSTEAD = {
    "token": "no hierarchy of codes is held here. Name the codes, or use ':in'",
    "reference": "what contains what is not known here. Name the resources, or chain the parameter that leads upwards",
}


def refuse_hierarchy(parameter: SearchParameter, modifier: str) -> None:
    """Raise BadRequest for what asks for more general or more specific codes, or for what resources are parts of."""
    if modifier in HIERARCHY:
        text = f"':{modifier}' of '{parameter.code}' is not supported: {_INSTEAD[parameter.type]}."
        raise BadRequest(text, detail="search-modifier")


def in_value_set(parameter: SearchParameter, url: str) -> Node:
    """Return the node for "a code of the value set ``url``". Raises BadRequest when we do not hold its codes."""
    found = value_set_codes(values.unescape(url))
    if not found:
        text = f"The value set in '{parameter.code}:in' is not known here, or its codes cannot be listed; name the codes."
        raise BadRequest(text, detail="search-value")
    if parameter.implied_system:
        return TokenIn(parameter.code, tuple(sorted(frozenset().union(*found.values()))))
    parts = [TokenIn(parameter.code, tuple(sorted(codes)), system) for system, codes in sorted(found.items()) if codes]
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def of_type(code: str, value: str) -> Token:
    """Read "system|code|value": an Identifier of that type with that value. Raises BadRequest."""
    parts = [values.unescape(part) for part in values.split(value, "|")]
    if len(parts) != _OF_TYPE or not all(parts):
        raise BadRequest(f"The value of '{code}:of-type' is written as system|code|value.", detail="search-value")
    system, type_, text = parts
    return Token(f"{code}:of-type", f"{type_}{US}{text}", system)


def below(code: str, value: str) -> Node:
    """Return the node for "the URL ``value`` or one further down". Raises BadRequest when it is none.

    Of "url|version" it is that URL, in that version or one that begins with its parts: 1.2 and 1.2.3 are below 1.
    """
    url, _, version = _url(f"{code}:below", value).partition("|")
    if version:
        return Or((Uri(code, f"{url}|{version}"), Text(f"{code}:below", f"{url}|{version}.")))
    url = url.rstrip("/")
    own = (Uri(code, one) for one in sorted(structure_definitions()) if one.startswith(f"{url}/"))
    return Or((Uri(code, url), Text(f"{code}:below", f"{url}/"), *(own if code == "_profile" else ())))


def above(code: str, value: str) -> Node:
    """Return the node for "the URL ``value`` or one further up". Raises BadRequest when it is none.

    Of "url|version" it is that URL, in that version or in one with less parts: 1.2 and 1 are above 1.2.3.
    """
    url = _url(f"{code}:above", value)
    found = _shorter(url) if "|" in url else _upwards(url)
    return Or(tuple(Uri(code, one) for one in dict.fromkeys(found)))


def canonical_versions(code: str, modifier: str, value: str) -> Node:
    """Return the node for a reference by canonical "url|version" in the versions above or below. Raises BadRequest."""
    name = f"{code}:{modifier}"
    url, _, version = _url(name, value).partition("|")
    if not version:
        text = f"The value of '{name}' names no version: write url|version, or leave the modifier out for any version."
        raise BadRequest(text, detail="search-value")
    if modifier == "above":
        return Or(tuple(ReferenceTo(code, one) for one in _shorter(value)))
    return Or((ReferenceTo(code, value), Text(name, f"{url}|{version}.")))


def _shorter(url: str) -> Iterator[str]:
    """Yield "url|version" and the same with each part less of its version."""
    url, _, version = url.partition("|")
    parts = version.split(".")
    for count in range(len(parts), 0, -1):
        yield f"{url}|{'.'.join(parts[:count])}"


def _url(name: str, value: str) -> str:
    if "://" not in value.rstrip("/"):
        text = f"The value of '{name}' is no URL; what is above and below it is defined for URLs only."
        raise BadRequest(text, detail="search-value")
    return value


def _upwards(url: str) -> Iterator[str]:
    """Yield ``url`` and what it lies in, each with and without a slash at the end, down to the host."""
    yield url
    scheme, _, rest = url.partition("://")
    segments = rest.rstrip("/").split("/")
    for count in range(len(segments), 0, -1):
        at = f"{scheme}://{'/'.join(segments[:count])}"
        yield from (at, f"{at}/")
