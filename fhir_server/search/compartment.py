"""Searching within a compartment: ``Patient/1/Communication`` (https://hl7.org/fhir/R4/compartmentdefinition.html)."""

from fhir_server.catalog.catalog import Entry
from fhir_server.errors import NotFound
from fhir_server.search.tree import Id, Node, Or, ReferenceTo
from profiles.definitions import UnknownType, compartment

_ABOUT = ("patient", "subject", "beneficiary")


def within(entry: Entry, reference: str) -> Node:
    """Return what of the type ``entry`` is in the compartment of ``reference`` ("Type/id"); raises NotFound when nothing can be.

    Of the parameters by which R4 puts a resource there, those count that the catalogue selects.
    """
    type_, _, id_ = reference.partition("/")
    try:
        codes = compartment(type_).get(entry.name, ())
    except UnknownType:
        codes = ()
    known = [code for code in codes if code in entry.search]
    if entry.home == "federated" and type_ == "Patient":
        # The sources are asked about one patient, so that all they answer is in that compartment.
        known = [code for code in _ABOUT if code in entry.search][:1]
    nodes: list[Node] = [ReferenceTo(code, reference) for code in known]
    if entry.name == type_:
        nodes.append(Id((id_,)))
    if not nodes:
        raise NotFound(f"{entry.name} is in no compartment of a {type_} here. Search it by its parameters.", detail="unknown-path")
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))


def has_compartment(type_: str) -> bool:
    """Tell whether R4 defines a compartment around resources of ``type_``."""
    try:
        compartment(type_)
    except UnknownType:
        return False
    return True
