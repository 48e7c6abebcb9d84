"""What may be attached, what it is called, and which message names it."""

from typing import Any

import pytest

from fhir_server.network.attachment import attached, kinds

PDF = b"%PDF-1.7\n"
PNG = b"\x89PNG\r\n\x1a\n"
WEBP = b"RIFF\x10\x20\x30\x40WEBPVP8 "


@pytest.mark.parametrize(
    ("declared", "head", "media"),
    [
        ("image/png", PNG, "image/png"),
        ("Image/PNG; name=x", PNG, "image/png"),
        ("", PNG, "image/png"),
        ("application/octet-stream", WEBP, "image/webp"),
        ("application/octet-stream", b"PK\3\4", ""),  # several types begin so
        ("", b"anything", ""),
        ("text/html", b"x", ""),
        ("image/svg+xml", b"<svg/>", ""),
        ("application/zip", b"PK\3\4", ""),
        ("application/javascript", b"x", ""),
    ],
)
def test_the_type_that_is_declared(declared: str, head: bytes, media: str) -> None:
    assert kinds().declared(declared, head) == media


@pytest.mark.parametrize(
    ("media", "head", "fits"),
    [
        ("image/png", PNG, True),
        ("image/png", PDF, False),
        ("image/png", b"GIF89a<script>", False),
        ("image/gif", b"GIF89a<script>", True),  # never shown in a page: it is a file to keep
        ("image/webp", WEBP, True),
        ("image/webp", WEBP.replace(b"WEBP", b"WAVE"), False),
        ("audio/wav", WEBP.replace(b"WEBP", b"WAVE"), True),
        ("text/plain", b"Beste Ina,\n", True),
        ("text/plain", "één regel".encode(), True),
        ("text/plain", b"a\0b", False),
        ("text/plain", b"\xef\xbb\xbf \n<!DocType HTML>", False),
        ("text/plain", b"<ScRiPt>alert(1)</script>", False),
        ("text/csv", b"<?xml version='1.0'?><svg/>", False),
        ("text/plain", b"#!/bin/sh", False),
        ("text/plain", b"MZ\x90", False),
        ("application/pdf", b"\x7fELF", False),
    ],
)
def test_content_against_its_type(media: str, head: bytes, *, fits: bool) -> None:
    assert kinds().fits(media, head) is fits


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("scan.png", "scan.png"),
        ("Brief van de huisarts (2).pdf", "Brief van de huisarts (2).pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/../../b.png", "b.png"),
        ("..", "attachment.png"),
        (".htaccess", "htaccess"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie_ x.png"),
        ('a"; filename="b.exe', "a_; filename=_b.exe"),
        ("e\u0301.png", "é.png"),
        ("a\u202e\u200bgnp.exe", "agnp.exe"),
        ("999990019.png", "xxxxxxxxx.png"),
        ("123456789 123456781.png", "123456789 123456781.png"),
        ("x" * 500, "x" * 120),
        ("x." + "y" * 500, "x." + "y" * 10),
        ("", "attachment.png"),
    ],
)
def test_names(given: str, name: str) -> None:
    assert kinds().name(given, "image/png") == name


def test_every_type_has_an_ending_and_can_be_recognised() -> None:
    for media, (begins, ending) in kinds().types.items():
        assert ending.isalnum(), media
        assert begins or media.startswith("text/"), media


def test_the_attachments_of_a_message() -> None:
    base = "https://hub.test/fhir"

    def names(*payload: Any) -> list[tuple[str, str]]:
        return list(attached({"resourceType": "Communication", "payload": payload}, base))

    def url(value: Any) -> dict[str, Any]:
        return {"contentAttachment": {"url": value}}

    place = "Communication.payload[{}].contentAttachment.url"
    id_ = "0123456789abcdef"
    assert names({"contentString": "x"}, url(f"{base}/attachments/{id_}")) == [(place.format(1), id_)]
    assert names(url(f"attachments/{id_}")) == [(place.format(0), id_)]
    assert names(url("https://elsewhere.test/x"), url(f"{base}/Binary/1"), {"contentAttachment": {}}, url(1)) == []
    for wrong in ("", "../Patient/1", f"{id_}?x", f"{id_}/..", "a" * 65, "ab%2f"):
        assert names(url(f"{base}/attachments/{wrong}")) == [(place.format(0), "")]
