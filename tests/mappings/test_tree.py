import pytest

from mappings.tree import MAX_BYTES, TreeError, parse

V3 = "urn:hl7-org:v3"


def test_names_do_not_depend_on_prefixes() -> None:
    plain = parse(b'<a xmlns="urn:hl7-org:v3"><b/></a>', V3)
    prefixed = parse(b'<x:a xmlns:x="urn:hl7-org:v3"><x:b/></x:a>', V3)
    assert plain.name == prefixed.name == "a"
    assert [child.name for child in plain.children] == [child.name for child in prefixed.children] == ["b"]


def test_other_namespaces_keep_their_name() -> None:
    root = parse(b'<a xmlns="urn:hl7-org:v3"><b xmlns="urn:other"/></a>', V3)
    assert root.children[0].name == "{urn:other}b"


@pytest.mark.parametrize("attribute", ['xsi:type="hl7:PIVL_TS"', 'xsi:type="PIVL_TS"', 'xsi:type=" p:PIVL_TS "', 'type="PIVL_TS"'])
def test_the_type_is_local(attribute: str) -> None:
    xml = f'<a xmlns="{V3}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {attribute}/>'
    assert parse(xml.encode(), V3).type == "PIVL_TS"


def test_comments_hold_no_elements() -> None:
    root = parse(b'<a xmlns="urn:hl7-org:v3"><!-- <b/> --><?p i?>te<!-- x -->xt</a>', V3)
    assert root.children == []
    assert root.text == "text"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not well-formed"),
        (b"no xml at all", "not well-formed"),
        (b"<a><b></a>", "not well-formed"),
        (b"<!DOCTYPE a><a/>", "DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b"<a>" * 101 + b"</a>" * 101, "nested"),
        (b"<a/>" + b" " * MAX_BYTES, "larger"),
    ],
)
def test_what_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(TreeError, match=reason):
        parse(payload, V3)


def test_a_doctype_in_another_encoding_is_refused_too() -> None:
    with pytest.raises(TreeError, match="DOCTYPE"):
        parse('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), V3)


def test_refusals_quote_nothing() -> None:
    with pytest.raises(TreeError) as caught:
        parse(b"<name>Geheim</nam>", V3)
    assert "Geheim" not in str(caught.value)


def test_unread_names_what_nobody_asked_for() -> None:
    root = parse(b'<a xmlns="urn:hl7-org:v3" classCode="X"><b value="1" unit="d">t</b><b value="2">u</b><c/></a>', V3)
    assert list(root.unread()) == ["a/b/@value", "a/b/@unit", "a/b", "a/b/@value", "a/b"]
    for node in root.all("b"):
        node.value()
    assert list(root.unread()) == ["a/b/@unit", "a/b", "a/b"]
    assert [node.text for node in root.all("b")] == ["t", "u"]
    assert list(root.unread()) == ["a/b/@unit"]


@pytest.mark.parametrize(
    ("xml", "empty"), [("<a/>", True), ("<a><b/> </a>", True), ("<a><b>t</b></a>", False), ('<a x="1"/>', False)]
)
def test_empty(xml: str, *, empty: bool) -> None:
    assert parse(xml.encode(), "").empty is empty
