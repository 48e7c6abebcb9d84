from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model.body import Limits
from fhir_server.model.xml import read, write
from fhir_server.model.xml_writer import Unwritable

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Ada &amp; <b>co</b><br/></p></div>'
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": DIV},
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "De Brug"}, {"resourceType": "Basic", "id": "b"}],
    "extension": [{"url": "http://example.org/e", "id": "x1", "valueDecimal": Decimal("1.00")}],
    "active": True,
    "name": [
        {
            "id": "n1",
            "given": ["Ada", None, "B."],
            "_given": [None, {"extension": [{"url": "u", "valueCode": "unknown"}]}, {"id": "g3"}],
        }
    ],
    "_birthDate": {"extension": [{"url": "u", "valueBoolean": False}]},
    "multipleBirthInteger": 2,
    "contact": [{"id": "c1", "name": {"family": 'Quote " < > & \n\t\r end'}}],
}
XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a remark --><?some instruction?>
<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">
  <id value="p1"/>
  <text><status value="generated"/>
    <h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>Ada &#38; <h:b>co</h:b><h:br></h:br></h:p></h:div></text>
  <contained><Organization><id value="o1"/><name value="De Brug"/></Organization></contained>
  <contained><Basic><id value="b"/></Basic></contained>
  <extension url="http://example.org/e" id="x1"><!-- here too --><valueDecimal value="1.00"/></extension>
  <active value="true"/>
  <name id="n1"><given value="Ada"/>
    <given><extension url="u"><valueCode value="unknown"/></extension></given><given id="g3" value="B."/></name>
  <birthDate><extension url="u"><valueBoolean value="false"/></extension></birthDate>
  <multipleBirthInteger value="2"/>
  <contact id="c1"><name><family value="Quote &quot; &lt; > &amp; &#10;&#9;&#13; end"/></name></contact>
</Patient>"""


def patient(inside: str) -> bytes:
    return f'<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>'.encode()


def refused(body: bytes, limits: Limits | None = None) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(body, limits or Limits())
    return caught.value


def test_read() -> None:
    assert read(XML.encode()) == PATIENT
    assert str(read(XML.encode())["extension"][0]["valueDecimal"]) == "1.00"


def test_write_and_read_back() -> None:
    for pretty in (False, True):
        assert read(write(PATIENT, pretty=pretty)) == PATIENT


def test_write_is_in_the_order_of_the_definition() -> None:
    disordered = {"resourceType": "Patient", "gender": "female", "name": [{"given": ["Ada"], "family": "Groen"}], "id": "p"}
    assert write(disordered) == (
        b'<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="p"/>'
        b'<name><family value="Groen"/><given value="Ada"/></name><gender value="female"/></Patient>'
    )


def test_pretty_does_not_touch_narrative() -> None:
    text = write(PATIENT, pretty=True).decode()
    assert f"\n    {DIV}\n" in text
    assert '\n  <active value="true"/>\n' in text


def test_bundles_and_parameters_hold_resources() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "link": [{"relation": "self", "url": "http://example.org/?a=1&b=2"}],
        "entry": [{"link": [{"relation": "x", "url": "y"}], "resource": {"resourceType": "Patient", "active": False}}],
    }
    assert read(write(bundle)) == bundle
    assert (
        b'<entry><link><relation value="x"/><url value="y"/></link><resource><Patient>'
        b'<active value="false"/></Patient></resource></entry>' in write(bundle)
    )
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "part": [{"name": "b", "resource": {"resourceType": "Basic", "id": "x"}}]}],
    }
    assert read(write(parameters)) == parameters


def test_types_by_definition() -> None:
    found = read(patient('<active value="false"/><birthDate value="2020"/><multipleBirthInteger value="-3"/>'))
    assert found == {"resourceType": "Patient", "active": False, "birthDate": "2020", "multipleBirthInteger": -3}
    assert found["active"] is False


@pytest.mark.parametrize("number", ["1.00", "1.0E3", "0.0000001", "-0", "-0.0", "12345678901234567890", "100"])
def test_decimals_keep_their_text(number: str) -> None:
    body = patient(f'<extension url="u"><valueDecimal value="{number}"/></extension>')
    assert write(read(body)) == b'<?xml version="1.0" encoding="UTF-8"?>' + body


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ('<nickname value="a"/>', "Patient.nickname"),
        ('<name xmlns="urn:other"><family value="a"/></name>', "Patient.name"),
        ('<name xmlns=""><family value="a"/></name>', "Patient.name"),
        ('<active value="true" lang="nl"/>', "Patient.active"),
        ('<active value="true" xmlns:x="urn:x" x:value="true"/>', "Patient.active"),
        ('<name use="official"><family value="a"/></name>', "Patient.name"),
        ('<gender value="male"/><active value="true"/>', "Patient.active"),
        ('<name><family value="a"/></name><active value="true"/>', "Patient.active"),
        ('<active value="true"/><active value="true"/>', "Patient.active[1]"),
        ('<name><family value="a"/></name><gender value="male"/><name><family value="b"/></name>', "Patient.name[1]"),
        ('<name><given value="a"/></name><name><given value="b"/><given value=""/></name>', "Patient.name[1].given[1]"),
        ('<multipleBirthBoolean value="true"/><multipleBirthInteger value="1"/>', "Patient.multipleBirthInteger"),
        ('<multipleBirth value="true"/>', "Patient.multipleBirth"),
        ("<active/>", "Patient.active"),
        ("<name/>", "Patient.name"),
        ('<name id="">x</name>', "Patient.name"),
        ("<active>true</active>", "Patient.active"),
        ('<active value="true"/>stray', "Patient.active"),
        ("stray", "Patient"),
        ('<active value="True"/>', "Patient.active"),
        ('<multipleBirthInteger value="1.0"/>', "Patient.multipleBirthInteger"),
        ('<multipleBirthInteger value="٣"/>', "Patient.multipleBirthInteger"),
        ('<extension url="u"><valueDecimal value=".5"/></extension>', "Patient.extension.valueDecimal"),
        ('<extension url="u"><valueDecimal value="NaN"/></extension>', "Patient.extension.valueDecimal"),
        ('<extension url="u"><valueMoneyQuantity/></extension>', "Patient.extension.valueMoneyQuantity"),
        ("<contained><Basic/><Basic/></contained>", "Patient.contained"),
        ("<contained/>", "Patient.contained"),
        ('<contained id="a"><Basic/></contained>', "Patient.contained"),
        ("<contained><DomainResource/></contained>", "Patient.contained.DomainResource"),
        ('<text><status value="empty"/><div><p>a</p></div></text>', "Patient.text.div"),
        (
            '<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div></text>',
            "Patient.text.div",
        ),
    ],
)
def test_the_place_of_a_fault(inside: str, place: str) -> None:
    error = refused(patient(inside))
    assert error.issues[0].expression == place
    assert place in error.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<Patient/>",
        b'<Nurse xmlns="http://hl7.org/fhir"/>',
        patient("<active value='true'>"),
        patient("&nbsp;"),
        patient("\x01"),
    ],
)
def test_what_is_not_xml_of_a_resource(body: bytes) -> None:
    assert refused(body).status == 400


def test_no_content_gets_into_an_error() -> None:
    for inside in (
        '<active value="999911120"/>',
        "<a999911120-x/>",
        "999911120",
        '<name x-999911120="a"/>',
        "<p>999911120</active>",
        "&x999911120;",
    ):
        error = refused(patient(inside))
        assert "999911120" not in error.text + error.issues[0].expression


def test_size_and_depth() -> None:
    with pytest.raises(TooLarge):
        read(patient(""), Limits(size=10))
    for levels in (70, 300, 50_000):
        body = patient('<extension url="u">' * levels + "</extension>" * levels)
        assert refused(body).status == 400
    read(patient('<extension url="u">' * 60 + '<valueCode value="a"/>' + "</extension>" * 60))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r | {"nickname": "a"},
        lambda r: r | {"_name": [{"id": "a"}]},
        lambda r: r | {"name": {"family": "a"}},
        lambda r: r | {"name": ["a"]},
        lambda r: r | {"active": {}},
        lambda r: r | {"active": None},
        lambda r: r | {"contained": [{"id": "a"}]},
        lambda r: r | {"resourceType": "Resource"},
        lambda r: r | {"text": {"status": "empty", "div": "<div>"}},
        lambda r: r | {"text": {"status": "empty", "div": "<p xmlns='http://www.w3.org/1999/xhtml'>a</p>"}},
        lambda r: r | {"language": "a\x01"},
        lambda r: r | {"language": "a\ud800"},
        lambda r: r | {"language": "a\uffff"},
        lambda r: r | {"name": [{"given": [None]}]},
    ],
)
def test_what_cannot_be_written(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with pytest.raises(Unwritable):
        write(change(PATIENT))
