"""The search for a system alone, ``system|``: what the index has a row of, and codes for which it has none."""

from dataclasses import replace

from fhir_server.catalog.definitions import OWN, SearchParameter
from fhir_server.catalog.usual_codes import usual_codes
from fhir_server.search.tree import Node, Not, Or, Token


def spelled_out(node: Node, type_: str, parameter: SearchParameter) -> Node:
    """Return ``node``, a value of the token ``parameter`` of ``type_``, with usual codes in the place of their system alone."""
    match node:
        case Or(parts):
            return Or(tuple(each for part in parts for each in _alternatives(spelled_out(part, type_, parameter))))
        case Not(part):
            return Not(spelled_out(part, type_, parameter))
        case Token(param, "", str(system)) if param == parameter.code and parameter.place != OWN:
            codes = usual_codes().get((type_, param, system), ())
            return Or((node, *(replace(node, code=code) for code in codes))) if codes else node
        case _:
            return node


def _alternatives(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Or) else (node,)
