"""Tokens that are bound to a client certificate: whose word on it counts, and for which certificate."""

from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from forgery import b64, certificate

from fhir_server.errors import Unauthorized
from fhir_server.oauth.certificate import Certificates, thumbprint_of
from fhir_server.oauth.presented import Presented

HEADER = b"client-cert"
FRONT = Certificates.of("Client-Cert", "10.0.0.0/8, 192.0.2.7,2001:db8::/32")


OWN, OTHER = certificate("own"), certificate("other")
DER = OWN.public_bytes(Encoding.DER)
PEM = OWN.public_bytes(Encoding.PEM)
PRINT = b64(sha256(DER).digest())
FORMS = {
    "RFC 9440": b":" + b64encode(DER) + b":",
    "base64": b64encode(DER),
    "PEM in percent-encoding": quote(PEM, safe="").encode(),
    "PEM with blanks kept": quote(PEM, safe=" /+=").encode(),
}


def code_of(certificates: Certificates, peer: str, *values: bytes, thumbprint: str = PRINT) -> str:
    presented = Presented(None, headers=[(HEADER, each) for each in values], peer=peer)
    try:
        certificates.check(presented, thumbprint)
    except Unauthorized as error:
        return error.issues[0].detail
    return ""


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_of_a_certificate(form: str) -> None:
    assert thumbprint_of(FORMS[form]) == PRINT
    assert code_of(FRONT, "10.1.2.3", FORMS[form]) == ""


@pytest.mark.parametrize("value", [b"", b"::", b":AAAA:", b"text", b64encode(b"text"), b"%2D", DER, b"A" * 20_000, PEM[:200]])
def test_what_is_no_certificate(value: bytes) -> None:
    assert thumbprint_of(value) == ""
    assert code_of(FRONT, "10.1.2.3", value) == "certificate-other"


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.0.2.7", "2001:db8::1"])
def test_a_trusted_proxy_is_believed(peer: str) -> None:
    assert code_of(FRONT, peer, FORMS["base64"]) == ""


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.8", "2001:db9::1", "", "unix", "11.0.0.1"])
def test_nobody_else_is(peer: str) -> None:
    assert code_of(FRONT, peer, FORMS["base64"]) == "certificate-missing"


def test_without_a_header_or_a_proxy_there_is_no_certificate() -> None:
    assert code_of(FRONT, "10.0.0.1") == "certificate-missing"
    assert code_of(Certificates.of("", "10.0.0.0/8"), "10.0.0.1", FORMS["base64"]) == "certificate-missing"
    assert code_of(Certificates.of("Client-Cert", ""), "10.0.0.1", FORMS["base64"]) == "certificate-missing"


def test_the_certificate_of_a_is_no_use_with_the_token_of_b() -> None:
    swapped = b64encode(OTHER.public_bytes(Encoding.DER))
    assert code_of(FRONT, "10.0.0.1", swapped) == "certificate-other"
    assert code_of(FRONT, "10.0.0.1", FORMS["base64"], swapped) == "certificate-other"
    assert code_of(FRONT, "10.0.0.1", swapped, FORMS["base64"]) == "certificate-other"
