"""Expected results in FHIR STU3, brought to R4 as far as both can say the same.

What this does to an expectation, and nothing else:

- *Renamed in R4*: ``context`` is ``encounter``, ``Encounter.reason`` is ``reasonCode``, ``MedicationRequest.requester.agent`` is
  ``requester``; the states of Condition and AllergyIntolerance are concepts; code systems of HL7 v2 and v3 have other addresses.
- *Renamed by the Dutch profiles*: extensions for the code of the source, the kind of an address and the name of an episode; who did
  something is the PractitionerRole (an extension in STU3). Categories and types of prescriptions and reports have another code.
- *In another place*: a section of a report has a code of SNOMED CT before that of the journal; the episode of a line is that of the
  report, and its ICPC code is with the line; the period and the text of a dosage are extensions of the prescription.
- *Not comparable, left out*: narrative, profiles, how a reference is shown, versions of code systems, the number of the patient
  (masked), the type of an address that was not said, a reason "-", the code of the source for the use of a telecom address. A
  postal code has its blank.
- *Not right*: a Dutch time in summer with the offset of winter gets that of summer; a contra-indication is no AllergyIntolerance.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from lxml import etree

from mappings.fhir_xml import read_resource

Resource = dict[str, object]
Element = etree._Element
FHIR = "http://hl7.org/fhir"
F = f"{{{FHIR}}}"
NS = {"f": FHIR}
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition"
SYSTEMS = {
    f"{FHIR}/v3/": f"{TERMINOLOGY}/v3-",
    f"{FHIR}/v2/0078": f"{TERMINOLOGY}/v3-ObservationInterpretation",
    f"{FHIR}/observation-category": f"{TERMINOLOGY}/observation-category",
    f"{FHIR}/referencerange-meaning": f"{TERMINOLOGY}/referencerange-meaning",
    "urn:oid:2.16.840.1.113883.2.4.15.111": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode",
    f"{NICTIZ}/code-specification": f"{NICTIZ}/ext-CodeSpecification",
    f"{NICTIZ}/zib-AddressInformation-AddressType": f"{NICTIZ}/ext-AddressInformation.AddressType",
    f"{NICTIZ}/EpisodeOfCare-Title": f"{NICTIZ}/ext-EpisodeOfCare.EpisodeOfCareName",
    f"{NICTIZ}/extension-context-nl-core-episodeofcare": f"{NICTIZ}/ext-Context-EpisodeOfCare",
    f"{FHIR}/StructureDefinition/extension-context-nl-core-episodeofcare": f"{NICTIZ}/ext-Context-EpisodeOfCare",
}
SNOMED = "http://snomed.info/sct"
SECTIONS = {
    "S": ("255362007", "Subjective"),
    "O": ("260224007", "Objective"),
    "E": ("129265001", "Evaluatie"),
    "P": ("129271007", "Beleid"),
}
STATES = {
    "Condition": {"clinicalStatus": "condition-clinical", "verificationStatus": "condition-ver-status"},
    "AllergyIntolerance": {
        "clinicalStatus": "allergyintolerance-clinical",
        "verificationStatus": "allergyintolerance-verification",
    },
}
RENAMED = {
    ("Observation", "context"): "encounter",
    ("MedicationRequest", "context"): "encounter",
    ("Encounter", "reason"): "reasonCode",
}
CONTRA_INDICATIONS = "urn:oid:2.16.840.1.113883.2.4.4.1.902.40"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def expectation(payload: bytes) -> tuple[list[Resource], dict[str, str]]:
    """Return the resources of a Bundle in STU3 as R4, and "Type/id" by the full url of their entries."""
    root = etree.fromstring(payload, etree.XMLParser(remove_comments=True, remove_pis=True))
    found: dict[str, Element] = {}
    for number, entry in enumerate(root.iterfind("f:entry", NS)):
        for resource in entry.iterfind("f:resource/*", NS):
            url = value(entry, "f:fullUrl") or str(number)
            if kind(resource) != "OperationOutcome" and not is_contra_indication(resource):
                convert(resource)
                name(resource, hashlib.sha256(url.encode()).hexdigest()[:20])
                found[url] = resource
    roles = {value(each, "f:practitioner/f:reference"): url for url, each in found.items() if kind(each) == "PractitionerRole"}
    for resource in found.values():
        if kind(resource) != "PractitionerRole":
            to_roles(resource, roles)
    addresses = {part: f"{kind(each)}/{value(each, 'f:id')}" for url, each in found.items() for part in spelled(url)}
    return [read_resource(etree.tostring(each)) for each in found.values()], addresses


def spelled(url: str) -> tuple[str, str]:
    """Return a full url, and the relative reference that some use instead."""
    return url, "/".join(url.split("/")[-2:])


def kind(resource: Element) -> str:
    return str(resource.tag).removeprefix(F)


def value(element: Element, path: str) -> str:
    found = element.find(path, NS)
    return "" if found is None else str(found.get("value", ""))


def put(element: Element, path: str, text: str) -> None:
    found = element.find(path, NS)
    assert found is not None
    found.set("value", text)


def make(parent: Element, tag: str, text: str = "", place: int | None = None) -> Element:
    made = etree.Element(F + tag)
    if text:
        made.set("value", text)
    parent.insert(len(parent) if place is None else place, made)
    return made


def name(resource: Element, id_: str) -> None:
    for old in resource.findall("f:id", NS):
        resource.remove(old)
    make(resource, "id", id_, 0)


def is_contra_indication(resource: Element) -> bool:
    return kind(resource) == "AllergyIntolerance" and value(resource, "f:code/f:coding/f:system") == CONTRA_INDICATIONS


def convert(resource: Element) -> None:
    type_ = kind(resource)
    drop(resource, "f:text", "f:meta/f:profile", ".//f:coding/f:version", ".//f:coding/f:userSelected", "f:section/f:text")
    for element in resource.iter(etree.Element):
        if element.get("url") in SYSTEMS:
            element.set("url", SYSTEMS[str(element.get("url"))])
        if element.get("value"):
            element.set("value", summer(system(str(element.get("value")))))
    drop(resource, "f:telecom/f:use/f:extension", "f:telecom/f:system/f:extension")
    drop_references_shown(resource)
    for child in list(resource):
        renamed = RENAMED.get((type_, kind(child)))
        if renamed:
            child.tag = F + renamed
    for tag, code_system in STATES.get(type_, {}).items():
        for state in resource.findall(f"f:{tag}", NS):
            to_concept(state, code_system)
    if type_ in CONVERSIONS:
        CONVERSIONS[type_](resource)


def system(text: str) -> str:
    for old, new in SYSTEMS.items():
        if text == old or (old.endswith("/") and text.startswith(old)):
            return new + text.removeprefix(old)
    return text


def summer(text: str) -> str:
    """Give a moment in a Dutch summer the offset that it has there."""
    if not text.endswith("+01:00") or "T" not in text:
        return text
    local = datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM)
    return text.removesuffix("+01:00") + f"{local:%z}"[:3] + ":00"


def drop(resource: Element, *paths: str) -> None:
    for path in paths:
        for element in resource.findall(path, NS):
            remove(element)


def remove(element: Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def references(resource: Element) -> Iterator[Element]:
    for element in list(resource.iter(etree.Element)):
        if any(kind(child) in ("reference", "identifier") for child in element) and kind(element) != kind(resource):
            yield element


def drop_references_shown(resource: Element) -> None:
    """Take the PractitionerRole of a reference from its extension, and leave out how the reference is shown."""
    for element in references(resource):
        for extension in element.findall("f:extension", NS):
            if str(extension.get("url")).endswith("practitionerrole-reference"):
                put(element, "f:reference", value(extension, "f:valueReference/f:reference"))
                element.remove(extension)
        drop(element, "f:display")


def to_roles(resource: Element, roles: dict[str, str]) -> None:
    for reference in resource.iterfind(".//f:reference", NS):
        if reference.get("value") in roles:
            reference.set("value", roles[str(reference.get("value"))])


def to_concept(state: Element, code_system: str) -> None:
    code = state.attrib.pop("value", None)
    for child in list(state):
        state.remove(child)
    if code is None:
        remove(state)
        return
    coding = make(state, "coding")
    make(coding, "system", f"{TERMINOLOGY}/{code_system}")
    make(coding, "code", code)


def section_code(code: Element) -> None:
    letter = value(code, "f:coding/f:code")
    if letter in SECTIONS:
        coding = make(code, "coding", place=0)
        for tag, text in zip(("system", "code", "display"), (SNOMED, *SECTIONS[letter]), strict=True):
            make(coding, tag, text)


def composition(resource: Element) -> None:
    for coding in resource.findall("f:type/f:coding", NS):
        drop(coding, "f:display")
        put(coding, "f:system", SNOMED)
        put(coding, "f:code", "11591000146107")
    for section in resource.findall("f:section", NS):
        for code in section.findall("f:code", NS):
            section_code(code)
        drop(section, "f:extension")
        for entry in section.findall("f:entry", NS):
            if (
                entry.find("f:identifier", NS) is not None
                or "4.6." in value(entry, "f:reference")
                or "Episode" in value(entry, "f:reference")
            ):
                section.remove(entry)


def observation(resource: Element) -> None:
    for code in resource.findall("f:code", NS):
        if value(code, "f:coding/f:system").endswith("journaalregeltypen"):
            section_code(code)
    drop(resource, "f:status/f:extension")
    for component in resource.findall("f:component", NS):
        if value(component, "f:code/f:coding/f:code") == "DISDX":
            extension = make(resource, "extension", place=1)
            extension.set("url", f"{NICTIZ}/ext-SOAPReport.SOAPLineCode")
            extension.extend(component.findall("f:valueCodeableConcept", NS))
            resource.remove(component)
    for coding in resource.findall("f:category/f:coding", NS):
        if value(coding, "f:system") == SNOMED:
            remove(coding)


def encounter(resource: Element) -> None:
    drop(resource, "f:class/f:extension", "f:class/f:display")
    for reason in resource.findall("f:reasonCode", NS):
        if value(reason, "f:text") == "-":
            resource.remove(reason)


def episode(resource: Element) -> None:
    drop(resource, "f:status/f:extension")


def patient(resource: Element) -> None:
    drop(resource, "f:identifier", "f:address/f:type", "f:address/f:country")
    for code in resource.findall("f:address/f:postalCode", NS):
        code.set("value", re.sub(r"^(\d{4})([A-Z]{2})$", r"\1 \2", str(code.get("value"))))
    for address in resource.findall("f:address", NS):
        for extension in address.findall("f:extension", NS):
            if not str(extension.get("url")).endswith("ext-AddressInformation.AddressType"):
                address.remove(extension)


def flag(resource: Element) -> None:
    drop(resource, "f:category/f:coding/f:display")
    for coding in resource.findall("f:category/f:coding", NS):
        if value(resource, "f:code/f:coding/f:system") == CONTRA_INDICATIONS:
            put(coding, "f:system", SNOMED)
            put(coding, "f:code", "140401000146105")


def prescription(resource: Element) -> None:
    for coding in resource.findall("f:category/f:coding", NS):
        drop(coding, "f:display")
        put(coding, "f:code", "33633005")
    for requester in resource.findall("f:requester", NS):
        for agent in requester.findall("f:agent", NS):
            for child in list(agent):
                requester.append(child)
            requester.remove(agent)
    for dosage in resource.findall("f:dosageInstruction", NS):
        drop(dosage, "f:sequence")
        bounds = dosage.find("f:timing/f:repeat/f:boundsPeriod", NS)
        if bounds is not None:
            extension = make(resource, "extension", place=0)
            extension.set("url", f"{NICTIZ}/ext-TimeInterval.Period")
            bounds.tag = F + "valuePeriod"
            extension.append(bounds)
        for text in dosage.findall("f:text", NS):
            extension = make(resource, "extension", place=0)
            extension.set("url", f"{NICTIZ}/ext-RenderedDosageInstruction")
            make(extension, "valueString", str(text.get("value")))
            dosage.remove(text)


def allergy(resource: Element) -> None:
    drop(resource, "f:code/f:extension", "f:category/f:extension")
    for period in resource.findall("f:onsetPeriod", NS):
        start = value(period, "f:start")
        period.tag = F + "onsetDateTime"
        for child in list(period):
            period.remove(child)
        period.set("value", start)


CONVERSIONS: dict[str, Callable[[Element], None]] = {
    "AllergyIntolerance": allergy,
    "Composition": composition,
    "Encounter": encounter,
    "EpisodeOfCare": episode,
    "Flag": flag,
    "MedicationRequest": prescription,
    "Observation": observation,
    "Patient": patient,
}
