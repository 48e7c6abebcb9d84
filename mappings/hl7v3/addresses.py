"""Addresses (AD) and telecom addresses (TEL) as FHIR Address and ContactPoint in the Dutch form.

The parts of an address line are also given apart (https://hl7.org/fhir/R4/extension-iso21090-adxp-streetname.html and its kin).
"""

import re

from mappings.functions import Call, Functions
from mappings.hl7v3.codes import code_specification, coding
from mappings.tree import Node
from terminology.concept_maps import concept_map

FUNCTIONS = Functions()
Json = dict[str, object]
ADDRESS_USE = "http://terminology.hl7.org/CodeSystem/v3-AddressUse"
ADDRESS_TYPE = "http://nictiz.nl/fhir/StructureDefinition/ext-AddressInformation.AddressType"
_LINE_PARTS = ("streetName", "additionalLocator", "houseNumber", "buildingNumberSuffix", "unitID")
_PART_URL = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-"
_PARTS = (("city", "city"), ("county", "district"), ("state", "state"), ("postalCode", "postalCode"))
_DUTCH_MOBILE = re.compile(r"(?:\+31|0031|0)6\d{8}")


def addresses(node: Node) -> list[Json]:
    """Return an address once for each of its uses, or once; [] when it is empty."""
    parts = _parts(node)
    if not parts:
        return []
    return [_use(use) | parts for use in node.value("use").split() or [""]]


def _use(use: str) -> Json:
    if not use:
        return {}
    found: Json = {}
    shown = concept_map("v3-address-use-display").translate(use, ADDRESS_USE)
    if shown:
        kind = {"system": ADDRESS_USE, "code": use, "display": shown.display}
        found["extension"] = [{"url": ADDRESS_TYPE, "valueCodeableConcept": {"coding": [kind]}}]
    for name, table in (("use", "v3-address-use-to-address-use"), ("type", "v3-address-use-to-address-type")):
        match = concept_map(table).translate(use, ADDRESS_USE)
        if match:
            found[name] = match.code
    return found


def _parts(node: Node) -> Json:
    found: Json = {}
    pieces = [(part.name, part.text) for name in _LINE_PARTS for part in node.all(name) if part.text]
    lines = [part.text for part in node.all("streetAddressLine") if part.text]
    if pieces:
        found["line"] = [" ".join(text for _, text in pieces), *lines]
        marks = {"extension": [{"url": f"{_PART_URL}{name}", "valueString": text} for name, text in pieces]}
        found["_line"] = [marks, *(None for _ in lines)]
    elif lines:
        found["line"] = lines
    for source, target in _PARTS:
        part = node.first(source)
        if part and part.text:
            found[target] = part.text
    country = node.first("country")
    if country and country.text:
        found["country"] = country.text
    specified = coding(country) if country else None
    if specified:
        found["_country"] = {"extension": [code_specification(specified)]}
    return found or ({"text": node.text} if node.text else {})


def contact_point(url: str, use: str) -> Json | None:
    """Return a telecom address ("tel:+31612345678") as ContactPoint; None when it is of a kind that FHIR does not name."""
    scheme, colon, rest = url.partition(":")
    if not colon:
        scheme, rest = ("mailto", url) if "@" in url else ("tel", url) if re.fullmatch(r"\+?[\d\s()-]{3,}", url) else ("", url)
    system = concept_map("url-scheme-to-contact-point-system").translate(scheme.lower())
    if system is None or not rest:
        return None
    codes = use.split()
    if system.code == "phone" and _DUTCH_MOBILE.fullmatch(re.sub(r"[\s()-]", "", rest)):
        codes.insert(0, "MC")
    matches = [concept_map("v3-telecom-use-to-contact-point-use").translate(code) for code in codes]
    point: Json = {"system": system.code, "value": url if system.code == "url" else rest}
    found = next((match.code for match in matches if match), "")
    return point | {"use": found} if found else point


@FUNCTIONS.each("addresses")
def _addresses(node: Node, _call: Call) -> list[Json] | None:
    return addresses(node) or None


@FUNCTIONS.each("contact_point")
def _contact_point(node: Node, _call: Call) -> Json | None:
    return contact_point(node.value(), node.value("use"))
