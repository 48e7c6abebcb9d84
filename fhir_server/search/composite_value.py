"""A value of a composite parameter as a node of the tree (https://hl7.org/fhir/R4/search.html#composite)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from fhir_server.catalog.composite import Component
from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.search import values
from fhir_server.search.composite import token_form, within
from fhir_server.search.tree import Node, Or, ReferenceTo, Token, Valued

Read = Callable[[SearchParameter, str], Node]


def node(parameter: SearchParameter, value: str, read: Read) -> Node:
    """Read "first$second"; ``read`` reads a value of one part as one of the parameter it is given. Raises BadRequest."""
    parts = parameter.composites[0].components
    texts = values.split(value, "$")
    if len(texts) != len(parts) or not all(texts):
        text = f"The value of '{parameter.code}' is written as {'$'.join(part.type for part in parts)}; a '$' in a part as '\\$'."
        raise BadRequest(text, detail="search-value")
    nodes = [read(_part(parameter, part), text) for part, text in zip(parts, texts, strict=True)]
    forms = [list(_forms(found)) for found in nodes[:-1]]
    if any(isinstance(leaf, Token) and not leaf.code for one in nodes for leaf in _leaves(one)):
        raise BadRequest(f"The value of '{parameter.code}' names a system without a code.", detail="search-value")
    found = [replace(leaf, param=_name(parameter.code, leaf, chosen)) for chosen in product(*forms) for leaf in _leaves(nodes[-1])]
    return found[0] if len(found) == 1 else Or(tuple(found))


def _part(parameter: SearchParameter, part: Component) -> SearchParameter:
    return replace(parameter, type=part.type, paths=part.paths, targets=part.targets, composites=())


def _name(code: str, leaf: Valued, forms: Sequence[str]) -> str:
    return within(code, forms) + leaf.param.removeprefix(code)


def _leaves(node: Node) -> Iterator[Valued]:
    """Yield the alternatives of one part: a bare id may point to several types."""
    for leaf in node.parts if isinstance(node, Or) else (node,):
        assert isinstance(leaf, Valued)
        yield leaf


def _forms(node: Node) -> Iterator[str]:
    for leaf in _leaves(node):
        if isinstance(leaf, Token):
            yield token_form(leaf.code, leaf.system)
        elif isinstance(leaf, ReferenceTo):
            yield leaf.target
