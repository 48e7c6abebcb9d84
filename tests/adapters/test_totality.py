"""Whatever a source sends, the adapter translates it or raises SourceError, and never makes a resource that R4 refuses to hold."""

from importlib.resources import files

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import SourceError, Translation
from adapters.registry import load

ABOUT_NOBODY = ("Medication", "Organization", "Patient", "Practitioner", "PractitionerRole")
SAMPLES_OF = {"gp/hl7v3": ("summary", "integrated-care"), "pharmacy/hl7v3": ("dispense-list", "batch-in-soap")}
SAMPLES = [
    (adapter, (files(f"adapters.{adapter.replace('/', '.')}") / "samples" / f"{name}.xml").read_bytes())
    for adapter, names in SAMPLES_OF.items()
    for name in names
]
# Values that have broken parsers before, beside arbitrary text.
AWKWARD = [
    "",
    " ",
    "0",
    "-1",
    "1e9",
    "NaN",
    "0.0000001",
    "9" * 15,
    "99991231",
    "00010101",
    "99991231235959-1400",
    "20240230",
    "2024",
    "&",
    "x" * 300,
]
AWKWARD += [
    "d",
    "a",
    "wk",
    "[drp]",
    "IVL_TS",
    "PIVL_TS",
    "hl7:TS",
    "SXPR_TS",
    "EIVL_TS",
    "UNK",
    "true",
    "nullified",
    "1.2.3",
    "0.0.0",
    "E",
]
NAMES = [
    "id",
    "code",
    "effectiveTime",
    "comp",
    "phase",
    "period",
    "low",
    "high",
    "width",
    "center",
    "name",
    "family",
    "translation",
    "text",
]
TEXT = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=12))
CHANGE = st.tuples(
    st.sampled_from(["value", "text", "rename", "drop", "copy", "move", "type"]),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    TEXT,
)


def mangled(payload: bytes, changes: list[tuple[str, int, int, str]]) -> bytes:
    root = etree.fromstring(payload, etree.XMLParser(remove_comments=True, remove_blank_text=True))
    for kind, place, other, text in changes:
        elements = [element for element in root.iter(etree.Element) if element.getparent() is not None]
        if not elements:
            break
        element, second = elements[place % len(elements)], elements[other % len(elements)]
        if kind == "value":
            names = sorted(str(name) for name in element.attrib) or ["value"]
            element.set(names[other % len(names)], text)
        elif kind == "text":
            element.text = text
        elif kind == "rename":
            element.tag = f"{{urn:hl7-org:v3}}{NAMES[other % len(NAMES)]}"
        elif kind == "drop":
            element.getparent().remove(element)
        elif kind == "copy":
            element.append(etree.fromstring(etree.tostring(second)))
        elif kind == "move" and element not in list(second.iterancestors()):
            second.append(element) if second is not element and second not in list(element.iter()) else None
        elif kind == "type":
            element.set("{http://www.w3.org/2001/XMLSchema-instance}type", text)
    return etree.tostring(root)


def translated(adapter: str, payload: bytes) -> Translation | None:
    try:
        return load(adapter).translate(payload)
    except SourceError:
        return None


def check(adapter: str, payload: bytes) -> None:
    found = translated(adapter, payload)
    if found is None:
        return
    addresses = {f"{resource['resourceType']}/{resource['id']}" for resource in found.resources}
    assert len(addresses) == len(found.resources)
    for resource in found.resources:
        if resource["resourceType"] == "MedicationDispense":
            assert resource["status"] == "unknown"
        if resource["resourceType"] not in ABOUT_NOBODY:
            assert (resource.get("subject") or resource["patient"])["reference"] in addresses
        assert no_empty_values(resource)


def no_empty_values(value: object) -> bool:
    if isinstance(value, dict):
        return all(part is not None and part not in ("", [], {}) and no_empty_values(part) for part in value.values())
    if isinstance(value, list):
        return all(part is None or no_empty_values(part) for part in value)
    return True


@given(st.sampled_from(SAMPLES), st.lists(CHANGE, min_size=1, max_size=12))
@settings(max_examples=examples(40), deadline=None)
def test_mangled_messages(sample: tuple[str, bytes], changes: list[tuple[str, int, int, str]]) -> None:
    adapter, payload = sample
    check(adapter, mangled(payload, changes))


@given(st.sampled_from(SAMPLES), st.integers(0, 40_000), st.binary(max_size=6))
@settings(max_examples=examples(30), deadline=None)
def test_mangled_bytes(sample: tuple[str, bytes], place: int, noise: bytes) -> None:
    adapter, payload = sample
    place %= len(payload)
    check(adapter, payload[:place] + noise + payload[place + len(noise) :])


@given(st.binary(max_size=60))
@settings(max_examples=examples(30), deadline=None)
def test_any_bytes(payload: bytes) -> None:
    for adapter in SAMPLES_OF:
        check(adapter, payload)
