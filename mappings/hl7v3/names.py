"""Names of persons (PN) as FHIR HumanName in the Dutch form (https://hl7.org/fhir/R4/extension-humanname-assembly-order.html).

Qualifiers: BR birth, SP partner, IN initials, CL call name, VV prefix of the family name that follows. The order of the family
names says which of them the person uses; the ConceptMap ``family-order-to-assembly-order`` has the codes.
"""

import re
from dataclasses import dataclass

from mappings.functions import Call, Functions
from mappings.tree import Node
from terminology.concept_maps import concept_map

FUNCTIONS = Functions()
Json = dict[str, object]
_HL7 = "http://hl7.org/fhir/StructureDefinition/"
_KIND = {"BR": "own", "SP": "partner"}


@dataclass(frozen=True, slots=True)
class Family:
    """One family name: ``qualifier`` is BR or SP, or "" where the source does not say."""

    qualifier: str
    prefix: str
    name: str

    @property
    def text(self) -> str:
        """The name with its prefix."""
        return joined(self.prefix, self.name)


def joined(prefix: str, name: str) -> str:
    """Put a prefix before a name: with a blank, but not after an apostrophe."""
    return f"{prefix}{name}" if not prefix or prefix.endswith(("'", "\N{RIGHT SINGLE QUOTATION MARK}")) else f"{prefix} {name}"


def initials(text: str) -> list[str]:
    """Split initials ("J.J." -> "J.", "J."); without dots they stay together."""
    return [f"{part}." for part in re.split(r"[.\s]+", text) if part] if "." in text else [text]


def human_names(node: Node) -> list[Json]:
    """Return the official name and, where the source has one, the call name as a second; [] for an empty name."""
    families = _families(node)
    birth, letters, call = _givens(node)
    if not (families or birth or letters or call):
        return [{"text": node.text}] if node.text else []
    names = []
    if families or birth or letters:
        shown = birth or letters
        names.append(_official(families, shown, "BR" if birth else "IN"))
        # The source does not repeat the initial of the first name among the others; the Dutch profiles want them all.
        if birth and letters:
            names.append(_official(families, [f"{name[0]}." for name in birth] + letters, "IN"))
    return names + [{"use": "usual", "given": [name]} for name in call]


def _givens(node: Node) -> tuple[list[str], list[str], list[str]]:
    birth: list[str] = []
    letters: list[str] = []
    call: list[str] = []
    for given in node.all("given"):
        qualifiers = given.value("qualifier").split()
        if given.text and "IN" in qualifiers:
            letters += initials(given.text)
        elif given.text:
            (call if "CL" in qualifiers else birth).append(given.text)
    return birth, letters, call


def _families(node: Node) -> list[Family]:
    families = []
    prefix = ""
    for part in node.children:
        if part.name == "prefix" and part.value("qualifier") in ("", "VV"):
            prefix = part.text
        elif part.name == "family" and part.text:
            qualifiers = part.value("qualifier").split()
            families.append(Family("SP" if "SP" in qualifiers else "BR" if "BR" in qualifiers else "", prefix, part.text))
            prefix = ""
    return families


def _official(families: list[Family], given: list[str], qualifier: str) -> Json:
    order = concept_map("family-order-to-assembly-order").translate("-".join(family.qualifier for family in families))
    family = "-".join(family.text for family in families)
    shown = ("" if qualifier == "IN" else " ").join(given)
    name: Json = {
        "extension": [{"url": f"{_HL7}humanname-assembly-order", "valueCode": order.code}] if order else [],
        "use": "official",
        "text": " ".join(part for part in (shown, family) if part),
    }
    if families:
        name |= {"family": family, "_family": {"extension": [part for one in families for part in _parts(one)]}}
    if given:
        marks = {"extension": [{"url": f"{_HL7}iso21090-EN-qualifier", "valueCode": qualifier}]}
        name |= {"given": given, "_given": [marks for _ in given]}
    return name


def _parts(family: Family) -> list[Json]:
    kind = _KIND.get(family.qualifier, "own")
    prefix: list[Json] = [{"url": f"{_HL7}humanname-{kind}-prefix", "valueString": family.prefix}] if family.prefix else []
    return [*prefix, {"url": f"{_HL7}humanname-{kind}-name", "valueString": family.name}]


@FUNCTIONS.each("human_names")
def _human_names(node: Node, _call: Call) -> list[Json] | None:
    return human_names(node) or None
