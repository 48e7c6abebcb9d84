"""MedMij in the demo: providers of the invented network, lists with one PGO on them, and the certificate that it shows."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fhir_server.settings import Settings
from profiles.demo import CLIENT, medmij

PGO: Final = "medmij.demo-pgo.example"
PROVIDER: Final = "apotheekdelinde"
_HEADER: Final = "X-Client-Cert"
_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Declared:
    """The settings under which the door is open, and what demo.json tells of it."""

    settings: Settings
    facts: Mapping[str, Any]


def declare(settings: Settings, folder: Path) -> Declared:
    """Write registry and lists below ``folder``, and make a certificate for the PGO, whose key nobody keeps.

    In front of the demo there is no proxy that a certificate could be shown to. So what comes from this machine is believed to have
    gone through one: a script sends the header itself. Nobody else can, since the demo is reached from this machine only.
    """
    own = folder / "medmij-demo"
    own.mkdir(mode=0o700, exist_ok=True)
    for name, text in medmij().items():
        (own / name).write_text(text, encoding="utf-8")
    root = settings.base.removesuffix("/fhir")
    opened = replace(settings, medmij=str(own / "medmij.toml"))
    if settings.on_loopback:
        header, proxies = settings.client_cert_header or _HEADER, settings.trusted_proxies or "127.0.0.1,::1"
        opened = replace(opened, client_cert_header=header, trusted_proxies=proxies)
    facts = {
        "authorize": f"{root}/medmij/authorize",
        "token": f"{root}/medmij/token",
        "client_id": PGO,
        "redirect_uri": f"https://{PGO}/callback",
        "provider": PROVIDER,
        "person": CLIENT,
        "token_headers": {opened.client_cert_header or _HEADER: certificate(PGO)},
        "services": {"9000000012": f"{root}/medmij/{PROVIDER}/9000000012/fhir"},
    }
    return Declared(opened, facts)


def certificate(host: str) -> str:
    """Return a fresh certificate for ``host`` as a proxy hands it on (RFC 9440)."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, SHA256())
    )
    return f":{b64encode(made.public_bytes(Encoding.DER)).decode()}:"
