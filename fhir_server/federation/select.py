"""What of the merged resources a search shows: the matches in their order, and what they include."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from adapters.contract import Resource
from fhir_server.federation.merge import Merged
from fhir_server.federation.references import references
from fhir_server.federation.sealed_id import Sealed, local_digest, patient_digest, source_digest


def matches(
    merged: Iterable[Merged],
    type_: str,
    wanted: Callable[[Resource], bool],
    place: Callable[[Resource], Any],
) -> tuple[Merged, ...]:
    """Return the resources of ``type_`` that are ``wanted``, by ``place``; in one place by source, then by id."""
    found = [each for each in merged if each.type == type_ and wanted(each.resource)]
    found.sort(key=lambda each: (each.source.name, each.id))
    found.sort(key=lambda each: place(each.resource))
    return tuple(found)


def targets(resource: Resource) -> Iterable[str]:
    """Return every literal reference of ``resource``."""
    return (str(each["reference"]) for each in references(resource) if "reference" in each)


def included(
    found: Sequence[Merged],
    merged: Iterable[Merged],
    follow: Callable[[Resource], Iterable[str]] = targets,
) -> tuple[Merged, ...]:
    """Return the resources among ``merged`` to which those ``found`` refer, in the order of reference, without those found.

    ``follow`` says which references ("Type/id") of a resource to follow.
    """
    there = {each.reference: each for each in merged}
    shown = {each.reference for each in found}
    followed = dict.fromkeys(reference for each in found for reference in follow(each.resource))
    return tuple(there[reference] for reference in followed if reference in there and reference not in shown)


def is_sealed(resource: Resource, source: str, patient: str, sealed: Sealed) -> bool:
    """Tell whether ``sealed`` stands for this resource, as ``source`` gave it, of ``patient`` ("Patient/id")."""
    return (
        patient_digest(patient) == sealed.patient
        and source_digest(source) == sealed.source
        and resource.get("resourceType") == sealed.type
        and local_digest(str(resource.get("id", ""))) == sealed.local
    )
