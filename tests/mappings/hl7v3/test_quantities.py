from decimal import Decimal

import pytest
from hl7v3_xml import element

from mappings.functions import Unmappable
from mappings.hl7v3.quantities import duration, number, quantity, ratio

UCUM = "http://unitsofmeasure.org"
GSTANDAARD = "urn:oid:2.16.840.1.113883.2.4.4.1.900.2"


@pytest.mark.parametrize(("text", "written"), [("1", "1"), ("0.50", "0.50"), ("0,25", "0.25"), ("-1.0", "-1.0"), ("+2", "2")])
def test_numbers_stay_as_written(text: str, written: str) -> None:
    assert str(number(text)) == written


@pytest.mark.parametrize("text", ["", "1e5", "NaN", "Infinity", "1.2.3", "een", "1" * 16, ".5", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(Unmappable):
        number(text)


@pytest.mark.parametrize(
    ("code", "unit", "ucum"),
    [
        ("245", "stuk", "1"),
        ("215", "gram", "g"),
        ("233", "ml", "ml"),
        ("303", "druppel", "[drp]"),
        ("211", "eenheid", "1"),
        ("217", "IE", "[iU]"),
    ],
)
def test_gstandaard_units_become_ucum(code: str, unit: str, ucum: str) -> None:
    xml = f'<q value="1" unit="x"><translation value="2.0" code="{code}" codeSystem="{GSTANDAARD[8:]}" displayName="{unit}"/></q>'
    found = quantity(element(xml))
    assert {name: found[name] for name in ("value", "unit", "system", "code")} == {
        "value": Decimal("2.0"),
        "unit": unit,
        "system": UCUM,
        "code": ucum,
    }
    assert found["extension"][0]["valueQuantity"] == {"value": Decimal("2.0"), "unit": unit, "system": GSTANDAARD, "code": code}
    assert str(found["value"]) == "2.0"


@pytest.mark.parametrize(
    ("unit", "code", "shown"), [("", "245", "stuk"), ("1", "245", "stuk"), ("g", "215", "gram"), ("[drp]", "303", "druppel")]
)
def test_ucum_units_get_their_gstandaard_unit(unit: str, code: str, shown: str) -> None:
    found = quantity(element(f'<q value="3" unit="{unit}"/>'))
    assert (found["code"], found["unit"]) == (unit or "1", shown)
    assert found["extension"][0]["valueQuantity"]["code"] == code


def test_a_usage_unit_is_not_a_basic_unit() -> None:
    found = quantity(
        element('<q value="1" unit="g"><translation value="5" code="20" codeSystem="2.16.840.1.113883.2.4.4.1.361"/></q>')
    )
    assert (found["value"], found["code"]) == (1, "g")


def test_unknown_units_get_no_code() -> None:
    assert quantity(element('<q value="1" unit="schepje"/>')) == {"value": Decimal(1), "unit": "schepje"}
    xml = f'<q value="1"><translation value="1" code="99999" codeSystem="{GSTANDAARD[8:]}" displayName="schepje"/></q>'
    assert quantity(element(xml)) == {"value": Decimal(1), "unit": "schepje", "system": GSTANDAARD, "code": "99999"}


def test_an_empty_quantity_is_none() -> None:
    assert quantity(element('<q nullFlavor="QS"/>')) is None


@pytest.mark.parametrize(
    ("unit", "code", "shown"), [("d", "d", "dag"), ("wk", "wk", "week"), ("weken", "wk", "week"), ("a", "a", "jaar")]
)
def test_durations(unit: str, code: str, shown: str) -> None:
    assert duration(element(f'<w value="3" unit="{unit}"/>')) == {"value": Decimal(3), "unit": shown, "system": UCUM, "code": code}


def test_no_duration() -> None:
    assert duration(element('<w nullFlavor="NI"/>')) is None
    with pytest.raises(Unmappable):
        duration(element('<w value="3" unit="g"/>'))


def test_ratios() -> None:
    found = ratio(element('<r><numerator value="6" unit="1"/><denominator value="1" unit="d"/></r>'))
    assert (found["numerator"]["code"], found["denominator"]["code"]) == ("1", "d")
    assert ratio(element('<r><numerator nullFlavor="QS"/><denominator value="100" unit="g"/></r>')).keys() == {"denominator"}
    assert ratio(element("<r/>")) is None
