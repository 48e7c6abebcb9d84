"""Which values each primitive type takes, and which it does not."""

from base64 import b64encode
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.validation.primitives import LONGEST_STRING, PRIMITIVES

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
ACCEPTED: dict[str, list[object]] = {
    "boolean": [True, False],
    "integer": [0, -(2**31), 2**31 - 1],
    "unsignedInt": [0, 2**31 - 1],
    "positiveInt": [1, 2**31 - 1],
    "decimal": [0, -3, Decimal("1.00"), Decimal("1E+3"), 0.5],
    "string": ["a", " a", "één\tregel\r\n", "x" * LONGEST_STRING],
    "markdown": ["# Kop\n\ntekst"],
    "xhtml": [DIV.format("x"), DIV.format("<table><tr><td>1</td></tr></table>")],
    "code": ["a", "a b", "nl-NL"],
    "id": ["a", "A-1.b", "x" * 64],
    "uri": ["http://x.nl/a?b=c#d", "urn:oid:1.2", "relative", "#a"],
    "url": ["mailto:a@b.nl"],
    "canonical": ["http://x.nl/a|1.0"],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883.2.4.6.3"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "base64Binary": ["YQ==", "YWJj", "YW\nJj"],
    "date": ["2024", "2024-02", "2024-02-29", "0001-01-01"],
    "dateTime": ["2024", "2024-02-29", "2024-02-29T23:59:60Z", "2024-01-01T00:00:00.123456789+14:00", "1999-12-31T12:00:00-05:30"],
    "instant": ["2024-02-29T00:00:00Z", "2024-01-01T00:00:00.1+01:00"],
    "time": ["00:00:00", "23:59:59.999"],
}
REFUSED: dict[str, list[object]] = {
    "boolean": [1, 0, "true", None],
    "integer": [2**31, -(2**31) - 1, Decimal("3.0"), 3.0, "3", True],
    "unsignedInt": [-1, True],
    "positiveInt": [0, True],
    "decimal": ["1.0", True, float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")],
    "string": ["", " ", "\t\n", "a\x00b", "a\x1fb", "a\ud800", "x" * (LONGEST_STRING + 1), 1, b"a"],
    "markdown": ["", "  "],
    "xhtml": ["x", "<div>x</div>", DIV.format(""), DIV.format("<p>x"), DIV.format("<p onclick='x'>x</p>"), DIV.format("&nbsp;")],
    "code": ["", " a", "a ", "a  b", "a\nb"],
    "id": ["", "x" * 65, "a_b", "a/b", "a\n"],
    "uri": ["", "a b", " a", "a\n", "a\tb"],
    "url": ["a b"],
    "canonical": ["a b"],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1"],
    "uuid": ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
    "base64Binary": ["", "%", "YQ", "YQ=", "YQ==YQ==", " ", "é"],
    "date": [
        "24",
        "2024-1-1",
        "2024-00",
        "2023-02-29",
        "2024-04-31",
        "1900-02-29",
        "0000",
        "2024-01-01T00:00:00Z",
        "2024\n",
        "\uff12024",
    ],
    "dateTime": [
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-02-30T00:00:00Z",
    ],
    "instant": ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00+15:00", "2023-02-29T00:00:00Z"],
    "time": ["24:00:00", "12:00", "12:00:00Z"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ACCEPTED.items() for value in values])
def test_a_value_of_the_type_is_accepted(name: str, value: object) -> None:
    assert PRIMITIVES[name].accepts(value)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_another_value_is_refused_with_advice(name: str, value: object) -> None:
    assert not PRIMITIVES[name].accepts(value)
    finding = PRIMITIVES[name].explain(value)
    assert finding.detail in {"wrong-type", "bad-format", "empty", "null"}
    assert finding.text


def test_every_primitive_type_is_tried() -> None:
    assert set(ACCEPTED) == set(REFUSED) == set(PRIMITIVES)


@given(st.dates())
def test_every_day_that_exists_is_a_date(day: date) -> None:
    assert PRIMITIVES["date"].accepts(str(day))


@given(st.datetimes(min_value=datetime(1941, 1, 1)), st.sampled_from([UTC, ZoneInfo("Europe/Amsterdam")]))  # noqa: DTZ001 - zoned below
def test_every_moment_is_an_instant(moment: datetime, zone: tzinfo) -> None:
    text = moment.replace(tzinfo=zone).isoformat()
    assert PRIMITIVES["instant"].accepts(text)
    assert PRIMITIVES["dateTime"].accepts(text)


@given(st.binary(min_size=1))
def test_every_encoded_content_is_base64(content: bytes) -> None:
    assert PRIMITIVES["base64Binary"].accepts(b64encode(content).decode())
