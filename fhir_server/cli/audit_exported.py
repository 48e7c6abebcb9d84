"""``fhir-server audit verify --export FILE``: whether an export of the record is what was written, without any database."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fhir_server.audit.export import Asked
from fhir_server.audit.export_check import Checked, check
from fhir_server.audit.verify import Broken, Open
from fhir_server.cli.command import CommandFailed
from fhir_server.oauth import anchor
from fhir_server.oauth.jwk import embedded_key
from fhir_server.search.rows import EARLIEST, LATEST

_SECOND = 1_000_000


def verify(file: Path, key: str) -> int:
    """Say on stdout that the export is sound and what of it cannot be verified, or name its first broken or missing line.

    ``key`` is the thumbprint (RFC 7638) of the key that must have signed its anchors, "" when that is not known.
    """

    def entries() -> Iterator[bytes]:
        with file.open("rb") as lines:
            yield from lines

    try:
        found = check(entries, partial(opener, key))
    except Broken as error:
        print(f"the export is broken: {error}")
        return 1
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
    print(f"the export is sound: {found.lines:,} lines in {found.chains:,} chains, {found.anchors:,} anchors")
    for text in _not_verified(found, embedded_key(found.key, "ES256").kid if not key else ""):
        print(f"not verified: {text}")
    return 0


def opener(wanted: str, jwk: Mapping[str, Any]) -> Open:
    """Return what opens anchors with the key ``jwk``. Raises ValueError for another than the ``wanted`` (thumbprint, "": any)."""
    key = embedded_key(jwk, "ES256")
    if wanted and key.kid != wanted:
        raise ValueError(f"it is the key {key.kid}, not {wanted}")
    return partial(anchor.opened, key)


def _not_verified(found: Checked, key: str) -> Iterator[str]:
    if key:
        yield f"whose key {key} is: ask who keeps the record for its thumbprint by another way, and give it with --key"
    if not found.asked.whole:
        yield f"that nothing is missing of {_asked(found.asked)}: what else was written cannot be seen in an export of a part"
    if found.withheld:
        yield f"{found.withheld:,} lines between those shown: only their digests are in it, so that the chain can be followed"
    if found.hidden:
        yield f"what {found.hidden:,} lines say: they name another client too, and only their digest is in it beside the AuditEvent"
    if found.loose:
        yield f"{found.loose:,} lines behind the last anchor of their chain: they follow each other, but nothing is signed yet"
    if found.asked.whole and not found.anchors:
        yield "that whole chains are missing: there is no anchor"


def _asked(asked: Asked) -> str:
    parts = [asked.dossier] if asked.dossier else []
    parts += [f"from {_told(asked.since)}"] if asked.since > EARLIEST else []
    parts += [f"before {_told(asked.until)}"] if asked.until < LATEST else []
    return " ".join(parts)


def _told(moment: int) -> str:
    return datetime.fromtimestamp(moment / _SECOND, UTC).isoformat()
