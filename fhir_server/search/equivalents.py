"""Systems that have several names: a search by one finds what is stored under the others (``profiles/identifiers.toml``)."""

from dataclasses import replace

from fhir_server.search import tree
from profiles.identifiers import equivalents


def widened(node: tree.Node) -> tree.Node:
    """Return ``node`` with each token of a system that has other names as one of any of these."""
    match node:
        case tree.And(parts):
            return tree.And(tuple(map(widened, parts)))
        case tree.Or(parts):
            return tree.Or(tuple(map(widened, parts)))
        case tree.Not(part):
            return tree.Not(widened(part))
        case tree.Chain() | tree.Has():
            return replace(node, part=widened(node.part))
        case tree.Token(system=str(system)) | tree.TokenIn(system=str(system)) if system in equivalents():
            return tree.Or(tuple(replace(node, system=each) for each in equivalents()[system]))
    return node
