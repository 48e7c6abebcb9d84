"""JSON to XML and back is the same resource: for anything that the definitions allow, and for the reference data."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import Malformed
from fhir_server.model import json, xml
from fhir_server.model.body import decimal, decimal_text
from fhir_server.model.shape import Child, Shape, shape_of
from profiles.definitions import resource_types

TEXTS = ["a", " ", "\"<&>'", "é 漢 \U0001f600", "two\nlines\r\n\tand a tab", "]]>", "<!-- -->", "&amp;", "\u0085\u2028\ufeff"]
NUMBERS = ["0", "-1", "1.00", "1.0E3", "-0.0", "1e-7", "0.00000010", "12345678901234567890.10"]
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a">b &lt; <i>c</i><br/></p>\n</div>'

KNOWN_FAULTS = {
    "QURX_EX990113NL_02_gebruiksperiode.xml": "itemCodeableConcept[1]",
    "999992272_QURX113_1627.xml": "itemCodeableConcept[1]",
    "999901345_XXX_Spruit_QURX_IN990113NL.xml": "medicationReference",
    "lr-blr-KWAL-l2z-1Maximaal-bericht-3KCLOINC.xml": "collectedPeriod",
    "lr-blr-TEST-l2z-1Maximaal-bericht-3KCLOINC.xml": "collectedPeriod",
}


def exact(value: Any) -> Any:
    """Make decimals comparable by their text, and true different from 1."""
    if isinstance(value, dict):
        return {name: exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [exact(each) for each in value]
    return decimal_text(value) if isinstance(value, Decimal) else (type(value), value)


def primitive(type_: str, random: Random) -> Any:
    if type_ == "boolean":
        return random.choice([True, False])
    if type_ in {"integer", "positiveInt", "unsignedInt"}:
        return random.choice([0, 1, -7, 2**31])
    if type_ == "decimal":
        number = random.choice(NUMBERS)
        return int(number) if number in {"0", "-1"} else decimal(number)
    return random.choice(TEXTS)


def extra(child: Child, random: Random) -> dict[str, Any]:
    return members(child.shape, random, 1) or {"id": "x"}


def primitives(child: Child, random: Random) -> dict[str, Any]:
    pairs = []
    for _ in range(random.randint(1, 3) if child.repeats else 1):
        value = primitive(child.type, random) if random.random() < 0.8 else None
        pairs.append((value, extra(child, random) if value is None or random.random() < 0.2 else None))
    columns = {child.name: [value for value, _ in pairs], f"_{child.name}": [more for _, more in pairs]}
    kept = {name: column for name, column in columns.items() if any(each is not None for each in column)}
    return kept if child.repeats else {name: column[0] for name, column in kept.items()}


def one(child: Child, random: Random, depth: int) -> Any:
    if child.kind == "resource":
        return resource(random, depth - 1, random.choice(["Basic", "Patient", "Observation"]))
    if child.kind == "xhtml":
        return DIV
    return members(child.shape, random, depth - 1) or {"id": "x"}


def members(shape: Shape, random: Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    orders: dict[int, list[Child]] = {}
    for child in shape.members.values():
        orders.setdefault(child.order, []).append(child)
    for children in random.sample(list(orders.values()), min(len(orders), random.randint(0, 5))):
        child = random.choice(children)
        if child.attribute:
            found[child.name] = random.choice(TEXTS)
        elif child.kind == "primitive":
            found |= primitives(child, random)
        elif depth > 0:
            values = [one(child, random, depth) for _ in range(random.randint(1, 2) if child.repeats else 1)]
            found[child.name] = values if child.repeats else values[0]
    return found


def resource(random: Random, depth: int, name: str) -> dict[str, Any]:
    return {"resourceType": name, **members(shape_of(name, name), random, depth)}


@settings(max_examples=examples(80), deadline=None)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(resource_types())), pretty=st.booleans())
def test_any_resource_survives_xml_and_json(seed: int, name: str, pretty: bool) -> None:  # noqa: FBT001 - drawn
    original = resource(Random(seed), 4, name)
    assert exact(xml.read(xml.write(original, pretty=pretty))) == exact(original)
    assert exact(json.read(json.write(original, pretty=pretty)).resource) == exact(original)


def r4_files(reference: Path) -> Iterator[Path]:
    yield from sorted((reference / "nictiz" / "profiles").rglob("*.xml"))
    groups = (reference / "nictiz" / "pairs").iterdir()
    yield from sorted(path for group in groups if group.name.endswith("_r4") for path in group.glob("expected*/*.xml"))


def test_reference_xml(reference: Path) -> None:
    faults = {}
    count = 0
    for path in r4_files(reference):
        try:
            original = xml.read(path.read_bytes())
        except Malformed as error:
            faults[path.name] = error.issues[0].expression
            continue
        count += 1
        assert exact(xml.read(xml.write(original))) == exact(original), path.name
        assert exact(json.read(json.write(original)).resource) == exact(original), path.name
    assert count > 700
    assert set(faults) == set(KNOWN_FAULTS)
    assert all(faults[name].endswith(place) for name, place in KNOWN_FAULTS.items())


def test_reference_json(reference: Path) -> None:
    paths = sorted((reference / "ozo-ig").rglob("*.json"))
    assert len(paths) > 50
    for path in paths:
        original = json.read(path.read_bytes()).resource
        assert exact(xml.read(xml.write(original))) == exact(original), path.name


@pytest.mark.parametrize("name", sorted(resource_types()))
def test_every_child_of_every_type_has_a_shape(name: str) -> None:
    pending = [shape_of(name, name)]
    seen = set()
    while pending:
        shape = pending.pop()
        for child in shape.members.values():
            if child.kind in {"complex", "primitive"} and (child.owner, child.content) not in seen:
                seen.add((child.owner, child.content))
                pending.append(child.shape)
    assert ("Extension", "Extension") in seen
