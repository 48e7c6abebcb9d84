"""What of the merged resources a search shows: the matches in their order, and what they include."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from adapters.contract import Resource
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Steps, in_order
from fhir_server.federation.references import references
from fhir_server.federation.sealed_id import Sealed, local_digest, patient_digest, source_digest
from fhir_server.search.order import Places, sortable
from fhir_server.search.tree import Sort


class Hit(NamedTuple):
    """A resource that is wanted, and the ``places`` by which it comes before or after others."""

    merged: Merged
    places: Places


def matches(
    merged: Iterable[Merged],
    type_: str,
    wanted: Callable[[Merged], bool],
    place: Callable[[Merged], Places],
    sort: Sort,
) -> Steps[list[Hit]]:
    """Return the resources of ``type_`` that are ``wanted``, in the order ``sort`` of their places; then by source, then by id."""
    found = []
    for one in merged:
        if one.type == type_ and wanted(one):
            found.append(Hit(one, place(one)))
        yield
    key = sortable(sort)
    return (yield from in_order(found, lambda hit: (key(hit.places), hit.merged.source.name, hit.merged.id)))


def targets(resource: Resource) -> Iterable[str]:
    """Return every literal reference of ``resource``."""
    return (str(each["reference"]) for each in references(resource) if "reference" in each)


def included(
    found: Sequence[Merged],
    merged: Mapping[str, Merged],
    follow: Callable[[Resource], Iterable[str]] = targets,
) -> tuple[Merged, ...]:
    """Return the resources among ``merged`` (by reference) to which those ``found`` refer, in that order, without those found.

    ``follow`` says which references ("Type/id") of a resource to follow.
    """
    shown = {each.reference for each in found}
    followed = dict.fromkeys(reference for each in found for reference in follow(each.resource))
    return tuple(merged[reference] for reference in followed if reference in merged and reference not in shown)


def is_sealed(resource: Resource, source: str, patient: str, sealed: Sealed) -> bool:
    """Tell whether ``sealed`` stands for this resource, as ``source`` gave it, of ``patient`` ("Patient/id")."""
    return (
        patient_digest(patient) == sealed.patient
        and source_digest(source) == sealed.source
        and resource.get("resourceType") == sealed.type
        and local_digest(str(resource.get("id", ""))) == sealed.local
    )
