"""The certificate that the client showed to the proxy in front of this server (RFC 8705 section 3, RFC 9440).

The proxy must check the certificate, and must remove the header from what clients send. Only a proxy whose address is declared
is believed; for anybody else the header is not there.
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fhir_server.oauth.jwk import encode
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.refusal import refused

_PEM = b"-----BEGIN CERTIFICATE-----"
LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Certificates:
    """Finds the client's certificate in ``header`` (lower case, "" for nowhere) of what comes from ``proxies``."""

    header: bytes = b""
    proxies: Sequence[IPv4Network | IPv6Network] = ()

    @classmethod
    def of(cls, header: str, proxies: str) -> "Certificates":
        """Read the settings: a header's name, and addresses or networks between commas; raises ValueError."""
        return cls(header.lower().encode("ascii"), tuple(ip_network(each.strip()) for each in proxies.split(",") if each.strip()))

    def check(self, presented: Presented, thumbprint: str) -> None:
        """Return when the client showed the certificate ``thumbprint``; raises Unauthorized (certificate-missing, -other)."""
        found = presented.values(self.header) if self.header and self._trusts(presented.peer) else []
        if not found:
            raise refused("certificate-missing", "The access token is bound to a client certificate, and none was shown.")
        shown = thumbprint_of(found[0]) if len(found) == 1 else ""
        if not hmac.compare_digest(shown, thumbprint):
            raise refused("certificate-other", "The access token is bound to another client certificate than the one shown.")

    def hosts(self, presented: Presented) -> frozenset[str]:
        """Return the host names (in lower case) for which the client's certificate was given; none where it showed none."""
        found = presented.values(self.header) if self.header and self._trusts(presented.peer) else []
        return hosts_of(found[0]) if len(found) == 1 else frozenset()

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


def thumbprint_of(value: bytes) -> str:
    """Return the SHA-256 thumbprint of the certificate in a header, "" when it holds none.

    Forms: RFC 9440 (``:base64 of DER:``), bare base64 of DER, and PEM in percent-encoding (nginx, ``$ssl_client_escaped_cert``).
    """
    if len(value) > LONGEST:
        return ""
    try:
        return encode(sha256(_read(value).public_bytes(Encoding.DER)).digest())
    except (ValueError, binascii.Error):
        return ""


def hosts_of(value: bytes) -> frozenset[str]:
    """Return the host names of the certificate in a header: its subject alternative names alone (RFC 9525 section 6.2)."""
    if len(value) > LONGEST:
        return frozenset()
    try:
        names = _read(value).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, binascii.Error, x509.ExtensionNotFound):
        return frozenset()
    return frozenset(each.lower() for each in names.get_values_for_type(x509.DNSName))


def _read(value: bytes) -> x509.Certificate:
    text = value.strip()
    plain = unquote_to_bytes(text)
    if plain.startswith(_PEM):
        return x509.load_pem_x509_certificate(plain)
    if text.startswith(b":") and text.endswith(b":"):
        text = text[1:-1]
    return x509.load_der_x509_certificate(b64decode(text, validate=True))
