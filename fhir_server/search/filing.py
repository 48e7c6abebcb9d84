"""Under which code the index keeps what a condition is about: another one for a parameter that was defined anew."""

from dataclasses import replace
from typing import Any

from fhir_server.catalog.definitions import SearchParameter
from fhir_server.search.tree import And, Node, Not, Or


def filed(node: Node, parameter: SearchParameter) -> Node:
    """Return ``node``, which names ``parameter`` by its code, with the code of the index."""
    if parameter.index_code == parameter.code:
        return node
    match node:
        case And(parts):
            return And(tuple(filed(part, parameter) for part in parts))
        case Or(parts):
            return Or(tuple(filed(part, parameter) for part in parts))
        case Not(part):
            return Not(filed(part, parameter))
    leaf: Any = node  # every kind that is about a parameter names it as ``param``
    code, colon, rest = getattr(leaf, "param", "").partition(":")
    found: Node = replace(leaf, param=f"{parameter.index_code}{colon}{rest}") if code == parameter.code else leaf
    return found
