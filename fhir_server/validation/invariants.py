"""Invariants of R4 that cost next to nothing, as functions on an object whose structure is right.

By the path of the type or element they stand on in the definitions; the severity is the one given there.
"""

from dataclasses import dataclass
from typing import Any

from fhir_server.validation.location import Location
from fhir_server.validation.references import literal_type
from fhir_server.validation.rules import (
    Rule,
    any_of,
    at_most_one,
    exactly_one,
    has,
    has_code,
    is_not_above,
    is_ordered,
    needs,
    never_when,
    only_when,
    together,
)
from fhir_server.validation.walk import Finding, Walk

_UCUM = "http://unitsofmeasure.org"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule with its key in FHIR; ``advice`` says what to do where it does not hold."""

    key: str
    holds: Rule
    advice: str

    @property
    def finding(self) -> Finding:
        """Return what to report."""
        return Finding("invariant", self.key, f"{self.key}: {self.advice}")


def check_invariants(invariants: tuple[Invariant, ...], value: dict[str, Any], location: Location, walk: Walk) -> None:
    """Check ``invariants`` on an object in which every value has its type."""
    for invariant in invariants:
        if not invariant.holds(value):
            walk.add(invariant.finding, location)


def _value_or_extensions(value: dict[str, Any]) -> bool:
    nested = "extension" in value
    for key in value:
        if key.startswith("value") or key.startswith("_value"):  # noqa: PIE810 - a tuple costs twice as much, and this is met most
            return not nested
    return nested


def _period_in_order(value: dict[str, Any]) -> bool:
    return is_ordered(value.get("start"), value.get("end"))


def _range_in_order(value: dict[str, Any]) -> bool:
    return is_not_above(value.get("low"), value.get("high"))


def _ratio_whole(value: dict[str, Any]) -> bool:
    return has(value, "numerator") == has(value, "denominator") and (has(value, "numerator") or has(value, "extension"))


def _duration_in_ucum(value: dict[str, Any]) -> bool:
    return not has(value, "code") or (value.get("system") == _UCUM and has(value, "value"))


def _not_at_home(value: dict[str, Any]) -> bool:
    return value.get("use") != "home"


def _not_negative(name: str) -> Rule:
    return lambda value: value.get(name, 0) >= 0


def _when_has_offset(value: dict[str, Any]) -> bool:
    return not has(value, "offset") or (has(value, "when") and not {"C", "CM", "CD", "CV"}.intersection(value.get("when", ())))


def _active_allergy_has_status(value: dict[str, Any]) -> bool:
    return has(value, "clinicalStatus") or has_code(value.get("verificationStatus"), _ALLERGY_VERIFICATION, "entered-in-error")


def _wrong_allergy_has_no_status(value: dict[str, Any]) -> bool:
    return not has(value, "clinicalStatus") or not has_code(
        value.get("verificationStatus"), _ALLERGY_VERIFICATION, "entered-in-error"
    )


def _abated_condition_is_over(value: dict[str, Any]) -> bool:
    return not has(value, "abatement[x]") or has_code(value.get("clinicalStatus"), _CLINICAL, "resolved", "remission", "inactive")


def _wrong_condition_has_no_status(value: dict[str, Any]) -> bool:
    return not has(value, "clinicalStatus") or not has_code(value.get("verificationStatus"), _VERIFICATION, "entered-in-error")


def _appointment_has_time(value: dict[str, Any]) -> bool:
    return (has(value, "start") and has(value, "end")) or value.get("status") in ("proposed", "cancelled", "waitlist")


def _on_behalf_of_practitioner(value: dict[str, Any]) -> bool:
    """ctm-1, as far as the reference itself shows the type of the member."""
    return not has(value, "onBehalfOf") or literal_type(value.get("member", {}).get("reference", "")) in ("", "Practitioner")


def _entries_have(name: str, *types: str) -> Rule:
    """Every entry has ``name`` in a Bundle of ``types``, and none has it in another."""
    return lambda value: all((name in entry) == (value.get("type") in types) for entry in value.get("entry", ()))


def _search_only_in_searchset(value: dict[str, Any]) -> bool:
    return value.get("type") == "searchset" or not any("search" in entry for entry in value.get("entry", ()))


def _full_urls_differ(value: dict[str, Any]) -> bool:
    if value.get("type") == "history":
        return True
    entries = [entry for entry in value.get("entry", ()) if "fullUrl" in entry]
    versions = {(entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId")) for entry in entries}
    return len(versions) == len(entries)


def _document_is_identified(value: dict[str, Any]) -> bool:
    return value.get("type") != "document" or {"system", "value"} <= value.get("identifier", {}).keys()


def _document_is_dated(value: dict[str, Any]) -> bool:
    return value.get("type") != "document" or "timestamp" in value


def _begins_with(bundle_type: str, resource_type: str) -> Rule:
    def holds(value: dict[str, Any]) -> bool:
        first: dict[str, Any] = next(iter(value.get("entry", ())), {})
        return value.get("type") != bundle_type or first.get("resource", {}).get("resourceType") == resource_type

    return holds


def _no_version_in_url(value: dict[str, Any]) -> bool:
    return "/_history/" not in value.get("fullUrl", "")


def _deletion_in_changes(value: dict[str, Any]) -> bool:
    return value.get("mode") == "changes" or not any(has(entry, "deleted") for entry in value.get("entry", ()))


def _date_in_working_list(value: dict[str, Any]) -> bool:
    return value.get("mode") == "working" or not any(has(entry, "date") for entry in value.get("entry", ()))


def _handed_over_after_preparation(value: dict[str, Any]) -> bool:
    return is_ordered(value.get("whenPrepared"), value.get("whenHandedOver"))


INVARIANTS: dict[str, tuple[Invariant, ...]] = {
    # data types
    "Extension": (Invariant("ext-1", _value_or_extensions, "Give either a value or extensions, not both."),),
    "Period": (Invariant("per-1", _period_in_order, "Let the start not be after the end."),),
    "Range": (Invariant("rng-2", _range_in_order, "Let low not be above high."),),
    "Ratio": (Invariant("rat-1", _ratio_whole, "Give both numerator and denominator."),),
    "Quantity": (Invariant("qty-3", needs("code", "system"), "Give the system of the unit's code."),),
    "Age": (Invariant("qty-3", needs("code", "system"), "Give the system of the unit's code."),),
    "Duration": (
        Invariant("drt-1", _duration_in_ucum, "Give the unit as a UCUM code, with a value."),
        Invariant("qty-3", needs("code", "system"), "Give the system of the unit's code."),
    ),
    "ContactPoint": (Invariant("cpt-2", needs("value", "system"), "Give the system: phone, email, ..."),),
    "Attachment": (Invariant("att-1", needs("data", "contentType"), "Give the contentType of the data."),),
    "Expression": (Invariant("exp-1", any_of("expression", "reference"), "Give an expression or a reference."),),
    "Timing.repeat": (
        Invariant("tim-1", needs("duration", "durationUnit"), "Give the durationUnit."),
        Invariant("tim-2", needs("period", "periodUnit"), "Give the periodUnit."),
        Invariant("tim-4", _not_negative("duration"), "Let duration not be negative."),
        Invariant("tim-5", _not_negative("period"), "Let period not be negative."),
        Invariant("tim-6", needs("periodMax", "period"), "Give the period."),
        Invariant("tim-7", needs("durationMax", "duration"), "Give the duration."),
        Invariant("tim-8", needs("countMax", "count"), "Give the count."),
        Invariant("tim-9", _when_has_offset, "Give an offset only with a when that is not C, CM, CD or CV."),
        Invariant("tim-10", at_most_one("timeOfDay", "when"), "Give timeOfDay or when, not both."),
    ),
    # the dossier
    "Patient.contact": (
        Invariant("pat-1", any_of("name", "telecom", "address", "organization"), "Give a name, telecom, address or organization."),
    ),
    "Organization": (Invariant("org-1", any_of("identifier", "name"), "Give an identifier or a name."),),
    "Organization.telecom": (Invariant("org-3", _not_at_home, "An organization has no use home. Choose another."),),
    "Organization.address": (Invariant("org-2", _not_at_home, "An organization has no use home. Choose another."),),
    "CareTeam.participant": (
        Invariant("ctm-1", _on_behalf_of_practitioner, "Give onBehalfOf only where the member is a Practitioner."),
    ),
    "Consent": (Invariant("ppc-1", any_of("policy", "policyRule"), "Give a policy or a policyRule."),),
    "AuditEvent.entity": (Invariant("sev-1", at_most_one("name", "query"), "Give name or query, not both."),),
    "CarePlan.activity": (Invariant("cpl-3", at_most_one("detail", "reference"), "Give detail or reference, not both."),),
    "Appointment": (
        Invariant("app-2", together("start", "end"), "Give both start and end, or neither."),
        Invariant("app-3", _appointment_has_time, "Give start and end, unless it is proposed, cancelled or on the waitlist."),
        Invariant(
            "app-4",
            only_when("cancelationReason", "status", "cancelled", "noshow"),
            "Give it only where it is cancelled or noshow.",
        ),
    ),
    "Appointment.participant": (Invariant("app-1", any_of("type", "actor"), "Give a type or an actor."),),
    "AppointmentResponse": (Invariant("apr-1", any_of("participantType", "actor"), "Give a participantType or an actor."),),
    "Goal.target": (Invariant("gol-1", needs("detail[x]", "measure"), "Give the measure of the detail."),),
    "Group": (Invariant("grp-1", only_when("member", "actual", True), "Give members only where actual is true."),),
    "List": (
        Invariant("lst-1", at_most_one("emptyReason", "entry"), "Give emptyReason or entry, not both."),
        Invariant("lst-2", _deletion_in_changes, "Mark entries as deleted only where mode is changes."),
        Invariant("lst-3", _date_in_working_list, "Date entries only where mode is working."),
    ),
    "Composition.section": (
        Invariant("cmp-1", any_of("text", "entry", "section"), "Give a text, an entry or a section."),
        Invariant("cmp-2", at_most_one("emptyReason", "entry"), "Give emptyReason or entry, not both."),
    ),
    "Parameters.parameter": (
        Invariant("inv-1", exactly_one("value[x]", "resource", "part"), "Give one of a value, a resource and parts."),
    ),
    "QuestionnaireResponse.item": (Invariant("qrs-1", at_most_one("answer", "item"), "Give answers or items, not both."),),
    "Questionnaire.item": (
        Invariant("que-3", never_when("code", "type", "display"), "Give no code to what is only displayed."),
        Invariant("que-4", at_most_one("answerOption", "answerValueSet"), "Give answerOption or answerValueSet, not both."),
        Invariant("que-6", never_when("required", "type", "display"), "What is only displayed cannot be required."),
        Invariant(
            "que-8", never_when("initial", "type", "group", "display"), "Give no initial value to a group or to what is displayed."
        ),
        Invariant("que-9", never_when("readOnly", "type", "display"), "What is only displayed cannot be readOnly."),
        Invariant("que-11", at_most_one("answerOption", "initial"), "Give answerOption or initial, not both."),
    ),
    # clinical data, from the sources
    "AllergyIntolerance": (
        Invariant("ait-1", _active_allergy_has_status, "Give the clinicalStatus."),
        Invariant("ait-2", _wrong_allergy_has_no_status, "Leave out the clinicalStatus of what was entered in error."),
    ),
    "Condition": (
        Invariant("con-4", _abated_condition_is_over, "Give a clinicalStatus of resolved, remission or inactive."),
        Invariant("con-5", _wrong_condition_has_no_status, "Leave out the clinicalStatus of what was entered in error."),
    ),
    "Condition.stage": (Invariant("con-1", any_of("summary", "assessment"), "Give a summary or an assessment."),),
    "Condition.evidence": (Invariant("con-2", any_of("code", "detail"), "Give a code or a detail."),),
    "Observation": (
        Invariant("obs-6", at_most_one("dataAbsentReason", "value[x]"), "Give a value or dataAbsentReason, not both."),
    ),
    "Observation.referenceRange": (Invariant("obs-3", any_of("low", "high", "text"), "Give low, high or a text."),),
    "FamilyMemberHistory": (
        Invariant("fhs-1", at_most_one("age[x]", "born[x]"), "Give an age or a birth, not both."),
        Invariant("fhs-2", needs("estimatedAge", "age[x]"), "Give the age that is estimated."),
    ),
    "Immunization.education": (Invariant("imm-1", any_of("documentType", "reference"), "Give a documentType or a reference."),),
    "MedicationAdministration.dosage": (Invariant("mad-1", any_of("dose", "rate[x]"), "Give a dose or a rate."),),
    "MedicationDispense": (Invariant("mdd-1", _handed_over_after_preparation, "Let whenHandedOver not be before whenPrepared."),),
    "ServiceRequest": (Invariant("prr-1", needs("orderDetail", "code"), "Give the code that is detailed."),),
    # exchange
    "Bundle": (
        Invariant("bdl-1", only_when("total", "type", "searchset", "history"), "Give a total only in a searchset or history."),
        Invariant("bdl-2", _search_only_in_searchset, "Give entry.search only in a searchset."),
        Invariant(
            "bdl-3",
            _entries_have("request", "batch", "transaction", "history"),
            "Give every entry a request in a batch, transaction or history, and nowhere else.",
        ),
        Invariant(
            "bdl-4",
            _entries_have("response", "batch-response", "transaction-response", "history"),
            "Give every entry a response in an answer to a batch or transaction and in a history, and nowhere else.",
        ),
        Invariant("bdl-7", _full_urls_differ, "Give every entry a fullUrl of its own."),
        Invariant("bdl-9", _document_is_identified, "Give a document an identifier with system and value."),
        Invariant("bdl-10", _document_is_dated, "Give a document a timestamp."),
        Invariant("bdl-11", _begins_with("document", "Composition"), "Let a document begin with a Composition."),
        Invariant("bdl-12", _begins_with("message", "MessageHeader"), "Let a message begin with a MessageHeader."),
    ),
    "Bundle.entry": (
        Invariant("bdl-5", any_of("resource", "request", "response"), "Give a resource, a request or a response."),
        Invariant("bdl-8", _no_version_in_url, "Leave the version out of the fullUrl."),
    ),
}
