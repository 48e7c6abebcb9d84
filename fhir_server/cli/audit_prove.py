"""``fhir-server audit prove``: print the proof that one line is in the record, for whoever is shown it and nothing else.

The proof holds the line, and no other. ``audit verify --proof FILE`` verifies it without any database.
"""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from fhir_server.audit.proof import NotProven, check, prove
from fhir_server.audit.verify import Broken
from fhir_server.bootstrap import keeper
from fhir_server.cli import audit_exported, operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.model.meta import instant
from fhir_server.oauth.anchor import anchor_key
from fhir_server.oauth.jwk import embedded_key
from fhir_server.settings import Settings
from fhir_server.storage.journal.line import read
from fhir_server.storage.line_id import place_of
from fhir_server.storage.reindex.open import open_index


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("prove", help="print the proof that one line is in the record", description=__doc__)
    command.add_argument("id", metavar="ID", help='of its AuditEvent, such as "log.ge2tgnrw.1"')
    command.add_argument("--data-dir", help="folder of the database (FHIR_SERVER_DATA_DIR)")
    operator.add(command, "HCOMPL")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the proof as JSON."""
    place = place_of(options.id)
    if place is None or not place[0]:
        raise CommandFailed("ID is that of an AuditEvent of the record: log.CHAIN.LINE")
    key = anchor_key(settings.data_dir).jwk()
    try:
        with closing(open_index(settings.database, write=False)) as database, database.snapshot() as at:
            proof = prove(at, keeper(settings).open_, key, *place)
    except (NotProven, Broken) as error:
        raise CommandFailed(str(error)) from error
    (row,) = read(proof["line"].encode() + b"\n")
    operator.record(options, settings, "audit-prove", "AuditEvent", ["_id"], row.dossier)
    print(json.dumps(proof, indent=2, ensure_ascii=False))
    return 0


def verify(file: Path, key: str) -> int:
    """Say on stdout which line a proof shows to be in the record, or why it does not.

    ``key`` is the thumbprint (RFC 7638) of the key that must have signed its anchor, "" when that is not known.
    """
    try:
        proof = _read(file)
        row = check(proof, audit_exported.opener(key, proof["key"]))
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
    except (Broken, ValueError, TypeError, KeyError) as error:
        print(f"the proof is broken: {error}")
        return 1
    print(f"the line is in the record: {row.actor or 'nobody'} {row.interaction} {row.type} at {instant(row.recorded)}")
    if not key:
        print(
            f"not verified: whose key {embedded_key(proof['key'], 'ES256').kid} is: ask for its thumbprint, and give it with --key"
        )
    return 0


def _read(file: Path) -> dict[str, Any]:
    proof = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(proof, dict) or "key" not in proof:
        raise Broken("it is no proof of this kind")
    return proof
