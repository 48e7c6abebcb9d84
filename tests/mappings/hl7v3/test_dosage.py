from typing import Any

import pytest
from hl7v3_xml import element

from mappings.functions import Call
from mappings.hl7v3.dosage import FUNCTIONS, dosages, read_request

LOW = '<comp xsi:type="IVL_TS"><low value="20240101"/></comp>'
NHG = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-25-gebruiksvoorschrift#aanvullend-numeriek"


def request(period: str = "1", dose: str = "1", *, low: str = LOW, extra: str = "", unit: str = "d") -> str:
    rhythm = f'<comp xsi:type="PIVL_TS"><period value="{period}" unit="{unit}"/></comp>' if period else ""
    amount = f'<doseQuantity><center value="{dose}"/></doseQuantity>' if dose else ""
    return f'<r><effectiveTime xsi:type="SXPR_TS">{low}{rhythm}</effectiveTime>{amount}{extra}</r>'


def needed(code: str = "1137", shown: str = "zo nodig") -> str:
    found = f'<code code="{code}" codeSystem="2.16.840.1.113883.2.4.4.5" displayName="{shown}"/>'
    return f"<precondition><observationEventCriterion>{found}</observationEventCriterion></precondition>"


def instruction(text: str) -> str:
    found = f'<code nullFlavor="OTH"><originalText>{text}</originalText></code>'
    return f"<support2><medicationAdministrationInstruction>{found}</medicationAdministrationInstruction></support2>"


ORAL = '<routeCode code="9" codeSystem="2.16.840.1.113883.2.4.4.9" displayName="Oraal"/>'


def dosed(*requests: str) -> list[dict[str, Any]]:
    return dosages([read_request(element(one)) for one in requests])


def remarks(name: str, *requests: str) -> tuple[Any, list[str]]:
    nodes = [element(one) for one in requests]
    call = Call(None, nodes[0])
    return FUNCTIONS.by_name[name].apply(nodes, call), call.remarks


def test_a_plain_dosage() -> None:
    (found,) = dosed(request("0.5", "2", extra=ORAL + instruction("met water")))
    assert found["timing"] == {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    assert found["doseAndRate"][0]["doseQuantity"]["value"] == 2
    assert found["route"]["coding"][0]["code"] == "9"
    assert found["additionalInstruction"][0]["text"] == "met water"


def test_a_fixed_and_an_extra_request_are_so_many_to_so_many_times() -> None:
    for pair in ([request("1"), request("0.5", extra=needed())], [request("0.5", extra=needed()), request("1")]):
        (found,) = dosed(*pair)
        assert found["timing"]["repeat"] == {"frequency": 1, "frequencyMax": 3, "period": 1, "periodUnit": "d"}
        assert "asNeededCodeableConcept" not in found


@pytest.mark.parametrize(
    "pair",
    [
        [request("1", "1"), request("0.5", "2", extra=needed())],
        [request("1", unit="wk"), request("1", extra=needed())],
        [request("1", extra=needed()), request("0.5", extra=needed())],
        [request("1"), request("0.5", extra=needed("1140", "zo nodig bij pijn"))],
        [request("1"), request("0.5", low="", extra=needed())],
        [request("1", ""), request("0.5", "", extra=needed())],
        [request("1"), request("0.5")],
    ],
)
def test_other_pairs_stay_two_instructions(pair: list[str]) -> None:
    assert len(dosed(*pair)) == 2


def test_several_reasons_become_one_text() -> None:
    (found,) = dosed(request(extra=needed() + needed("1028", "bij pijn")))
    assert found["asNeededCodeableConcept"]["text"] == "zo nodig, bij pijn"
    assert found["asNeededCodeableConcept"]["coding"][0]["code"] == "OTH"


def test_as_needed_keeps_its_code() -> None:
    (found,) = dosed(request(extra=needed()))
    assert found["asNeededCodeableConcept"] == {"coding": [{"system": NHG, "code": "1137", "display": "zo nodig"}]}


TAPER = [
    request(
        "1",
        dose,
        low=f'<comp xsi:type="IVL_TS"><low value="{low}"/><width value="7" unit="d"/></comp>',
        extra=ORAL + instruction(f"stap {dose}"),
    )
    for dose, low in (("4", "20240101"), ("2", "20240108"))
]


def test_tapering_stays_text_and_is_said() -> None:
    found, said = remarks("dosages", *TAPER)
    assert [one.keys() for one in found] == [{"additionalInstruction", "route"}]
    assert [one["text"] for one in found[0]["additionalInstruction"]] == ["stap 4", "stap 2"]
    assert said == ["the dosage consists of consecutive or cyclic requests and stays text"]


@pytest.mark.parametrize(
    "bounds",
    [("<width value='7' unit='d'/>", "<width value='14' unit='d'/>"), ("<high value='20240107'/>", "<high value='20240114'/>")],
)
def test_different_lengths_without_a_start_are_not_taken_for_parallel(bounds: tuple[str, str]) -> None:
    found, said = remarks("dosages", *(request("1", low=f'<comp xsi:type="IVL_TS">{bound}</comp>') for bound in bounds))
    assert found is None
    assert len(said) == 1


def cyclic(**changes: str) -> str:
    return request(
        low='<comp xsi:type="PIVL_TS"><phase><width value="21" unit="d"/></phase><period value="28" unit="d"/></comp>', **changes
    )


def test_a_cycle_is_the_bounds_of_the_timing() -> None:
    (found,) = dosed(cyclic())
    assert found["timing"]["repeat"]["boundsDuration"]["value"] == 21
    assert remarks("cycle", cyclic())[0]["value"] == 28


def test_several_cycles_and_cycles_without_rhythm_are_not_structured() -> None:
    assert remarks("dosages", cyclic(), cyclic())[0] is None
    assert remarks("cycle", cyclic(), cyclic())[0] is None
    assert remarks("cycle", cyclic(period=""))[0] is None
    assert "timing" not in dosed(cyclic(period=""))[0]


def test_an_uneven_period_gives_no_timing_and_a_remark() -> None:
    found, said = remarks("dosages", request("0.4"))
    assert [one.keys() for one in found] == [{"doseAndRate"}]
    assert said == ["a period is no whole number of times per unit"]


def test_ranges_need_one_unit() -> None:
    both = '<doseQuantity><low value="1" unit="{}"/><high value="2" unit="{}"/></doseQuantity>'
    (found,) = dosed(request(dose="", extra=both.format("g", "g")))
    assert found["doseAndRate"][0]["doseRange"].keys() == {"low", "high"}
    found, said = remarks("dosages", request(dose="", extra=both.format("g", "ml")))
    assert "doseAndRate" not in found[0]
    assert said == ["the ends of a dose range have different units"]


def test_a_single_moment() -> None:
    (found,) = dosed('<r><effectiveTime value="2024010108"/><doseQuantity value="1"/></r>')
    assert found["timing"] == {"event": ["2024-01-01T08:00:00+01:00"]}
    assert found["doseAndRate"][0]["doseQuantity"]["value"] == 1


def test_nothing_said_is_no_dosage() -> None:
    assert dosed('<r><text>gebruik bekend</text><effectiveTime nullFlavor="NA"/></r>') == []


def test_a_maximum() -> None:
    extra = '<maxDoseQuantity><numerator value="6"/><denominator value="1" unit="d"/></maxDoseQuantity>'
    (found,) = dosed(request(extra=extra))
    assert found["maxDosePerPeriod"]["numerator"]["value"] == 6
    found, said = remarks("dosages", request(extra=extra * 2))
    assert "maxDosePerPeriod" not in found[0]
    assert said == ["there is more than one maximum dose"]
