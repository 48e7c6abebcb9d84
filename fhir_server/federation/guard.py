"""The wrong-patient guard: what comes back must be about the patient who was asked for, and about nobody else."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from adapters.contract import Resource
from fhir_server.federation.answer import Answer, SourceFault
from fhir_server.federation.pace import Steps
from fhir_server.federation.references import references

Identifier = tuple[str, str]

SUBJECTS = ("subject", "patient", "beneficiary", "for", "individual")
SUBJECTLESS = frozenset(
    {
        "Endpoint",
        "HealthcareService",
        "Location",
        "Medication",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Substance",
    }
)


def guard(answer: Answer, asked: Collection[Identifier]) -> Steps[Answer]:
    """Return the answer without what is not about the patient with the identifiers ``asked``.

    An answer that speaks of anybody else is dropped whole and becomes the fault ``wrong-patient``; in one that does not, resources
    that no reference ties to the patient are left out.
    """
    if isinstance(answer, SourceFault):
        return answer
    resources = answer.translation.resources
    patients = [each for each in resources if each.get("resourceType") == "Patient"]
    if not (_speaks_of(answer.translation.about, asked) or not resources):
        return SourceFault(answer.source, "wrong-patient")
    if not all(_speaks_of(tuple(identifiers(each)), asked) for each in patients):
        return SourceFault(answer.source, "wrong-patient")
    known = {f"Patient/{each.get('id')}" for each in patients}
    kept = []
    for each in resources:
        if each.get("resourceType") == "Patient" or _is_about(each, known, asked):
            kept.append(each)
        yield
    return replace(answer, translation=replace(answer.translation, resources=kept))


def identifiers(holder: Mapping[str, object]) -> Iterator[Identifier]:
    """Yield the identifiers of a resource, or of a Reference, as (system, value)."""
    held = holder.get("identifier")
    for each in held if isinstance(held, list) else [held]:
        if isinstance(each, dict) and isinstance(each.get("value"), str):
            yield str(each.get("system", "")), each["value"]


def _speaks_of(about: Collection[Identifier], asked: Collection[Identifier]) -> bool:
    """Tell whether ``about`` holds an identifier that was asked for, and none that contradicts it in the same system."""
    systems = {system for system, _ in asked}
    comparable = {each for each in about if each[0] in systems}
    return bool(comparable) and comparable <= set(asked)


def _is_about(resource: Resource, known: Collection[str], asked: Collection[Identifier]) -> bool:
    patients = [each for each in references(resource) if _names_patient(each)]
    if _contains_patient(resource) or not all(_resolves(each, known, asked) for each in patients):
        return False
    subjects = [*_subjects(resource)]
    if resource.get("resourceType") in SUBJECTLESS and not subjects:
        return True
    return bool(subjects) and all(_resolves(each, known, asked) for each in subjects)


def _subjects(resource: Resource) -> Iterator[Mapping[str, object]]:
    """Yield whom a resource says that it is about: an Appointment does so among its participants."""
    yield from (subject for name in SUBJECTS if isinstance(subject := resource.get(name), dict))
    participants = resource.get("participant")
    for each in participants if isinstance(participants, list) else ():
        if isinstance(each, dict) and isinstance(actor := each.get("actor"), dict) and _names_patient(actor):
            yield actor


def _contains_patient(resource: Resource) -> bool:
    contained = resource.get("contained")
    return isinstance(contained, list) and any(
        isinstance(each, dict) and each.get("resourceType") == "Patient" for each in contained
    )


def _names_patient(reference: Mapping[str, object]) -> bool:
    return str(reference.get("reference", "")).startswith("Patient/") or reference.get("type") == "Patient"


def _resolves(reference: Mapping[str, object], known: Collection[str], asked: Collection[Identifier]) -> bool:
    target = reference.get("reference")
    return target in known if target is not None else _speaks_of(tuple(identifiers(reference)), asked)
