import json as plain
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import FhirError, Malformed, TooLarge
from fhir_server.model.body import Limits, decimal_text
from fhir_server.model.json import Document, document, read, splice, write

PATIENT = b"""{
  "resourceType" : "Patient",
  "meta": {"versionId": "7", "profile": ["http://example.org/p"], "lastUpdated": "2020-01-01T00:00:00Z"},
  "name": [ {"given": ["Ada",   "J\\u00e9"]} ],
  "multipleBirthInteger": 2, "extension": [{"url": "u", "valueDecimal": 1.00}]
}"""


def refused(body: bytes, limits: Limits | None = None) -> FhirError:
    with pytest.raises(FhirError) as caught:
        read(body, limits or Limits())
    return caught.value


def test_a_resource_and_the_text_of_its_members() -> None:
    found = read(PATIENT)
    assert found.resource["name"] == [{"given": ["Ada", "Jé"]}]
    assert found.members["name"] == '[ {"given": ["Ada",   "J\\u00e9"]} ]'
    assert found.members["multipleBirthInteger"] == "2"
    assert list(found.members) == list(found.resource)


@pytest.mark.parametrize("number", ["1.00", "1.0E3", "1e-3", "0.00000010", "-0.0", "-0", "123456789012345678901234.50", "10", "0"])
def test_numbers_keep_their_text(number: str) -> None:
    body = f'{{"value":{number},"more":[{number}]}}'.encode()
    assert write(read(body).resource) == body


def test_large_integers_are_exact_but_not_endless() -> None:
    assert read(b'{"a":12345678901234567890}').resource["a"] == 12345678901234567890
    assert "number" in refused(b'{"a":' + b"9" * 65 + b"}").text
    assert "number" in refused(b'{"a":' + b"9" * 10_000 + b"}").text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e99999999999999999999", "0e999999999"])
def test_what_is_no_number_of_fhir(number: str) -> None:
    assert isinstance(refused(f'{{"a": [{number}]}}'.encode()), Malformed)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"resourceType":"Patient","name":[{"given":["a",""]}]}', "Patient.name[0].given[1]"),
        (b'{"resourceType":"Patient","name":[{"family":"a"},{}]}', "Patient.name[1]"),
        (b'{"resourceType":"Patient","name":[ ]}', "Patient.name"),
        (b'{"resourceType":"Patient","contact":[{"name":{"family":"a","family":"a"}}]}', "Patient.contact[0].name.family"),
        (b'{"resourceType":"Patient","id":"a","id":"a"}', "Patient.id"),
        (b'{"resourceType":"Patient","id":"a","\\u0069d":"a"}', "Patient.id"),
        (b'{"resourceType":"Patient","active" :\n null}', "Patient.active"),
        (
            b'{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueCode":null}]}}',
            "Patient._birthDate.extension[0].valueCode",
        ),
        (b'{"resourceType":"Patient","language":"\\ud800"}', "Patient.language"),
        (b'{"resourceType":"Patient","language":"a\\u0000"}', "Patient.language"),
        (b'{"resourceType":"Patient","language":"a\\bc"}', "Patient.language"),
        (b'{"resourceType":"Patient","language":"\xef\xbf\xbf"}', "Patient.language"),
        (b'{"a":{}}', "Resource.a"),
        (b"{}", "Resource"),
    ],
)
def test_the_place_of_a_fault(body: bytes, place: str) -> None:
    error = refused(body)
    assert isinstance(error, Malformed)
    assert error.issues[0].expression == place
    assert place in error.text


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"[]",
            b'"x"',
            b"1",
            b"null",
            b'{"a":1',
            b'{"a":1}}',
            b'{"a":1}x',
            b'{"a" 1}',
            b'{"a":1,}',
            b'{"a":[1,]}',
            b"{'a':1}",
        ),
        *(
            b'{"a":01}',
            b'{"a":1.}',
            b'{"a":"\\q"}',
            b'{"a":"\n"}',
            b'{"a":"\\u12"}',
            b"{a:1}",
            b'{"a":tru}',
            b"\x00{}",
            b'{"a":1}\x00',
        ),
        *(b'{"a":1}\xc2\xa0', b'\xc2\xa0{"a":1}'),
    ],
)
def test_what_is_not_one_json_object(body: bytes) -> None:
    error = refused(body)
    assert (type(error), error.status) == (Malformed, 400)


@pytest.mark.parametrize(
    "body", ['{"a":"é"}'.encode("latin-1"), '{"a":"é"}'.encode("utf-16"), b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}']
)
def test_only_utf_8(body: bytes) -> None:
    assert isinstance(refused(body), Malformed)


def test_a_byte_order_mark_is_skipped() -> None:
    assert read(b'\xef\xbb\xbf{"a":1}').members == {"a": "1"}


@pytest.mark.parametrize(
    "body", [b'{"a":[null,"b"],"_a":[{"id":"x"},null]}', b'{"a":"\\ud83d\\ude00"}', b'{"a":" "}', b'{"a":"\\"\\" [] {} :null"}']
)
def test_what_only_looks_suspicious_is_taken(body: bytes) -> None:
    assert read(body).resource == plain.loads(body)


def test_no_content_gets_into_an_error() -> None:
    for body in (
        b'{"Jansen-999911120":""}',
        b'{"resourceType":"999911120","a":""}',
        b'{"a":"999911120" 999911120}',
        b'{"a":999911120x}',
    ):
        assert "999911120" not in refused(body).text + refused(body).issues[0].expression


def test_the_size_limit_comes_before_anything_else() -> None:
    error = refused(b"x" * 11, Limits(size=10))
    assert isinstance(error, TooLarge)
    assert error.status == 413
    assert read(b'{"a":1234}', Limits(size=10)).resource == {"a": 1234}


def nested(levels: int, text: str = "") -> bytes:
    return ('{"a":' + '[{"a":' * levels + f'"x{text}"' + "}]" * levels + "}").encode()


def test_the_depth_limit() -> None:
    assert read(nested(31)).resource
    assert read(nested(31, "[[[[{{{{" * 20)).resource
    for body in (nested(32), nested(5_000), b'{"a":' + b"[" * 1_000_000, b'{"a":' * 100_000):
        assert isinstance(refused(body), Malformed)


def test_brackets_in_strings_do_not_hide_depth() -> None:
    for body in (b'{"a":["]",["]",["[","["]]]}', b'{"a":["\\"]",["\\\\",["\\"[\\\\"]]]}', b'{"a":["\\\\\\"]]",[[" "]]]}'):
        assert read(body, Limits(depth=4)).resource
        assert "nested" in refused(body, Limits(depth=3)).text
    hidden = b'{"a":["\\"x",["\\"x",1,"\\"x"],"\\"x"]}'
    assert read(hidden, Limits(depth=3)).resource
    assert "nested" in refused(hidden, Limits(depth=2)).text


def test_write_is_compact_or_indented() -> None:
    value = {"a": [Decimal("1.50"), 2, True, "é"]}
    assert write(value) == '{"a":[1.50,2,true,"é"]}'.encode()
    assert write(value, pretty=True).startswith(b'{\n  "a": [\n    1.50,')


def test_write_refuses_what_json_has_no_form_for() -> None:
    for value in (Decimal("NaN"), {1, 2}):
        with pytest.raises(TypeError):
            write({"a": value})


def test_splice_replaces_what_is_the_servers_and_keeps_the_rest() -> None:
    stored = splice(read(PATIENT), id="p1", version=3, updated="2026-11-22T10:00:00.000Z")
    assert stored == (
        b'{"resourceType":"Patient","id":"p1","meta":{"versionId":"3","lastUpdated":"2026-11-22T10:00:00.000Z",'
        b'"profile":["http://example.org/p"]},"name":[ {"given": ["Ada",   "J\\u00e9"]} ],'
        b'"multipleBirthInteger":2,"extension":[{"url": "u", "valueDecimal": 1.00}]}'
    )


def test_splice_of_a_resource_that_did_not_come_as_json() -> None:
    made = document({"resourceType": "Basic", "id": "x", "extension": [{"url": "u", "valueDecimal": Decimal("2.0")}]})
    stored = splice(made, id="b", version="1", updated="2026-11-22T10:00:00Z")
    assert stored.endswith(b'"extension":[{"url":"u","valueDecimal":2.0}]}')
    assert splice(read(stored), id="b", version="1", updated="2026-11-22T10:00:00Z") == stored


class Pairs(list[tuple[str, Any]]):
    """An object that may have a member twice."""


STRINGS = st.one_of(st.sampled_from(["", '""', "[", "]]", "{}", "\\", '\\"', ":null", "\x00", "\ud83d", "x"]), st.text(max_size=3))
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), STRINGS, st.sampled_from([Decimal("1.10"), Decimal("-0.0")])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(st.tuples(STRINGS, inner), max_size=3).map(Pairs)),
    max_leaves=12,
)


def text_of(value: Any, space: str, ascii_only: bool) -> str:  # noqa: FBT001 - drawn
    if isinstance(value, Pairs):
        inside = f",{space}".join(
            f"{plain.dumps(k, ensure_ascii=ascii_only)}{space}:{text_of(v, space, ascii_only)}" for k, v in value
        )
        return "{" + space + inside + "}"
    if isinstance(value, list):
        return "[" + space + ",".join(text_of(each, space, ascii_only) for each in value) + space + "]"
    return decimal_text(value) if isinstance(value, Decimal) else plain.dumps(value, ensure_ascii=ascii_only)


def legal(text: str) -> bool:
    return bool(text) and not any((c < " " and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" for c in text)


def faults(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str) and not legal(value):
        yield "string"
    if isinstance(value, list):
        if not value or depth < 1:
            yield "empty or deep"
        members = value if isinstance(value, Pairs) else [("x", each) for each in value]
        if isinstance(value, Pairs) and len({name for name, _ in value}) < len(value):
            yield "twice"
        for name, each in members:
            if isinstance(value, Pairs) and (each is None or not legal(name)):
                yield "member"
            yield from faults(each, depth - 1)


@given(
    tree=st.lists(st.tuples(STRINGS, TREES), max_size=4).map(Pairs),
    space=st.sampled_from(["", " ", "\n\t"]),
    ascii_only=st.booleans(),
)
def test_the_reader_accepts_exactly_what_a_plain_walk_finds_sound(tree: Pairs, space: str, ascii_only: bool) -> None:  # noqa: FBT001
    try:
        body = text_of(tree, space, ascii_only).encode()
    except UnicodeEncodeError:
        return
    limits = Limits(depth=4)
    if next(faults(tree, 4), None):
        assert isinstance(refused(body, limits), Malformed)
        return
    found: Document = read(body, limits)
    assert {name: plain.loads(text) for name, text in found.members.items()} == plain.loads(body)
    assert read(write(found.resource), limits).resource == found.resource
