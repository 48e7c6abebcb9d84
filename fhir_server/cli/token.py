"""``fhir-server token``: print an access token, signed with the development key of the data folder."""

import argparse

from fhir_server.access.actor import ROLES
from fhir_server.access.scope import parse_scopes
from fhir_server.bootstrap import now, token_for
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.settings import Settings

_AN_HOUR = 3600  # a script of somebody who develops takes longer than the session of a person
_OTHER_SCOPES = frozenset({"openid", "profile", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"})


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("token", help="print an access token for development", description=__doc__)
    command.add_argument("--as", dest="reference", required=True, metavar="REF", help='who asks, such as "Practitioner/gp-harmsen"')
    command.add_argument("--role", required=True, choices=ROLES)
    command.add_argument("--scope", default="", help="SMART v2 scopes, separated by blanks; default: what the role allows")
    command.add_argument("--patient", default="", metavar="ID", help="bind the token to one patient")
    command.add_argument("--purpose", default="", metavar="CODE", help="purpose of use (v3-ActReason), such as TREAT")
    command.add_argument("--reason", default="", help="why, for purpose BTG")
    command.add_argument(
        "--ttl", type=int, default=_AN_HOUR, metavar="S", help="lifetime in seconds (default %(default)s, 86400 at most)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print one token and nothing else."""
    for word in options.scope.split():
        if word not in _OTHER_SCOPES and not parse_scopes(word):
            raise CommandFailed(
                f"--scope: {word} gives nothing: a scope is written as patient/CareTeam.rs, user/*.cruds or system/*.rs"
            )
    try:
        token = token_for(
            settings,
            options.reference,
            options.role,
            ttl=options.ttl,
            at=now(),
            scope=options.scope,
            patient=options.patient,
            purpose=options.purpose,
            reason=options.reason,
        )
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    print(token)
    return 0
