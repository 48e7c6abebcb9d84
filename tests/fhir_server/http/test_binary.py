"""Content in and out of a Binary: media types, and which of both the caller gets."""

import re
from base64 import b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest, TooLarge, UnsupportedMedia
from fhir_server.http.binary import fetched, is_content, resource
from fhir_server.http.request import Headers
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.services import Services
from fhir_server.model.body import Limits

BINARY = load().types["Binary"]
LIMITS = Limits(size=10_000)


class Parts:
    """Of the services, what is used of them."""

    base = "http://x/fhir"


def headers(**values: str) -> Headers:
    return Headers([(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in values.items()])


def call(interaction: str = "read", **values: str) -> Call:
    parts: Services = Parts()  # type: ignore[assignment] # what is used of it
    return Call(parts, local_system(), interaction, BINARY, "a", headers=headers(**values))


def stored(content_type: str, content: bytes = b"x") -> Answer:
    data = b64encode(content).decode()
    return Answer(200, orjson.dumps({"resourceType": "Binary", "contentType": content_type, "data": data}))


@pytest.mark.parametrize(
    ("accept", "content_type", "content"),
    [
        ("", "image/png", True),
        ("*/*", "application/fhir+json", True),
        ("application/fhir+json", "application/fhir+json", False),
        ("application/FHIR+json; charset=utf-8", "image/png", False),
        ("application/fhir+xml", "image/png", False),
        ("application/json", "image/png", False),
        ("application/json", "application/json; charset=utf-8", True),
        ("application/json, */*", "image/png", False),
        ("application/json;q=0.1, */*", "image/png", True),
        ("application/fhir+json;q=0, */*;q=0.1", "image/png", True),
        ("text/xml", "application/xml", False),
        ("text/xml", "text/xml", True),
        ("text/xml", "text/xml; fhirVersion=5.0", True),
        ("image/webp", "image/png", True),
    ],
)
def test_which_of_both_is_given(accept: str, content_type: str, content: bool) -> None:  # noqa: FBT001
    answer = fetched(call(accept=accept), stored(content_type))
    assert (answer.body == b"x", bool(answer.media)) == (content, content)


def test_only_a_binary_that_is_read_is_given_as_content() -> None:
    for other in (call("create"), call("history-instance")):
        assert fetched(other, stored("image/png")).media == ""
    outcome = Answer(404, b'{"resourceType":"OperationOutcome"}')
    assert fetched(call(), outcome) is outcome
    unchanged = Answer(304)
    assert fetched(call(), unchanged) is unchanged


_CHARACTERS = st.one_of(st.characters(exclude_categories=["C"]), st.sampled_from("\r\n\t"))


@given(
    st.one_of(
        st.text(_CHARACTERS, min_size=1, max_size=40), st.from_regex(r'\A[a-z]+/[a-z+.-]+( ?; ?[a-z]+="?[a-z0-9 \\;\r\n-]*"?)*\Z')
    )
)
def test_no_stored_type_breaks_out_of_its_header(content_type: str) -> None:
    media = fetched(call(), stored(content_type)).media
    assert re.fullmatch(r"[\x21-\x7e ]+/[\x21-\x7e ]+", media)
    assert media in {content_type, "application/octet-stream"}


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_no_sent_type_is_stored_that_is_none(content_type: str) -> None:
    try:
        made = orjson.loads(resource(call("create"), b"x", headers(content_type=content_type), LIMITS))
    except UnsupportedMedia:
        return
    assert fetched(call(), stored(made["contentType"])).media == made["contentType"] == content_type.strip()


@given(st.binary(max_size=500))
def test_content_comes_back_as_it_went_in(content: bytes) -> None:
    made = resource(call("create"), content, headers(content_type="image/png"), LIMITS)
    assert fetched(call(), Answer(200, made)).body == content


@pytest.mark.parametrize(
    ("body", "content_type", "content"),
    [
        (b"x", "image/png", True),
        (b"x", "application/fhir+json", False),
        (b"x", "", False),
        (b'{"resourceType":"Binary"}', "application/json", False),
        (b'{"resourceType":"Binary", broken', "text/json", False),
        (b'{"resourceType":"Patient"}', "application/json", True),
        (b"[1]", "application/json", True),
        (b'<Binary xmlns="http://hl7.org/fhir"><contentType value="a/b"/></Binary>', "application/xml", False),
        (b'<Binary xmlns="http://hl7.org/fhir">', "text/xml", False),
        (b"<!DOCTYPE x><x/>", "text/xml", True),
    ],
)
def test_what_is_content(body: bytes, content_type: str, content: bool) -> None:  # noqa: FBT001
    assert is_content(call("create"), body, content_type, LIMITS) is content
    assert not is_content(call("patch"), body, content_type, LIMITS)


def test_the_limit_is_that_of_the_resource() -> None:
    sent = headers(content_type="image/png", x_security_context="Patient/" + "a" * 64)
    assert len(resource(call("create"), b"x" * 6_500, sent, LIMITS)) <= LIMITS.size
    with pytest.raises(TooLarge):
        resource(call("create"), b"x" * 6_501, sent, LIMITS)


@pytest.mark.parametrize("context", ["", " ", "Patient/1\tx", "Patient/1\x7f"])
def test_a_context_that_is_no_text(context: str) -> None:
    with pytest.raises(BadRequest):
        resource(call("create"), b"x", headers(content_type="image/png", x_security_context=context), LIMITS)
