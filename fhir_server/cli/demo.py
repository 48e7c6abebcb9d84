"""``fhir-server demo``: the hub with an invented network and simulated source systems, ready to try."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fhir_server.bootstrap import load_resources, now, prepare, token_for
from fhir_server.cli import demo_app, demo_clients, demo_medmij, named_files
from fhir_server.cli.command import Commands
from fhir_server.cli.demo_clients import APP
from fhir_server.cli.serve import require_port, serve
from fhir_server.cli.simulators import Simulator, simulators
from fhir_server.settings import Settings
from profiles.demo import CLIENT, network, persons

TOKEN_HOURS = 12


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "demo",
        help="serve an invented network with simulated source systems",
        description="Load an invented network, start simulated source systems, and serve. Writes demo.json into the data folder.",
    )
    command.add_argument("--port", help="port to listen on (FHIR_SERVER_PORT)")
    command.add_argument("--data-dir", help="folder for everything the demo keeps (FHIR_SERVER_DATA_DIR)")
    command.set_defaults(run=run)


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Serve the demo until a signal ends it; the simulators end with it."""
    require_port(settings)
    named_files.require(replace(settings, sources=""))
    folder = settings.data_dir.resolve()
    settings = replace(
        settings,
        data_dir=folder,
        sources=str(folder / "sources.toml"),  # written anew below: never a file of the user's
        clients=settings.clients or str(folder / "clients.toml"),
        development_login="on" if settings.on_loopback else "off",
    )
    prepare(settings)
    collecting = demo_medmij.declare(settings, folder)
    settings = collecting.settings
    clients = demo_clients.declare(folder, folder / "clients.toml", demo_app.back(settings.base.removesuffix("/fhir")))
    with _temporary_files_below(folder), simulators() as running:
        Path(settings.sources).write_text("\n".join(simulator.table for simulator in running), encoding="utf-8")
        load_resources(settings, network())
        facts = {**_facts(settings, running), "clients": clients, "medmij": collecting.facts}
        path = folder / "demo.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        print("\n".join(_greeting(facts, path)), flush=True)
        serve(settings)
    return 0


@contextmanager
def _temporary_files_below(folder: Path) -> Iterator[None]:
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    yield


def _facts(settings: Settings, running: Sequence[Simulator]) -> dict[str, Any]:
    root = settings.base.removesuffix("/fhir")
    return {
        "base": root,
        "patient": CLIENT,
        "persons": {
            name: {**person, "token": token_for(settings, person["reference"], person["role"], ttl=TOKEN_HOURS * 3600, at=now())}
            for name, person in persons().items()
        },
        "sources": [simulator.facts for simulator in running],
        "app": {"authorize": demo_app.authorize(root), "client_id": APP, "code_verifier": demo_app.VERIFIER},
    }


def _greeting(facts: dict[str, Any], path: Path) -> Iterator[str]:
    base = f"{facts['base']}/fhir"
    yield f"\nThe network dossier of an invented client is served at {base}\n"
    for name, query, what in _EXAMPLES:
        yield f"# {what}"
        url = f"{base}/{query.format(patient=facts['patient'])}"
        yield f"curl -s -H 'Authorization: Bearer {facts['persons'][name]['token']}' '{url}&_pretty=true'\n"
    yield f"# an app asks for consent: open this in a browser\n{facts['app']['authorize']}\n"
    yield f"# its token, for the code in the address afterwards\n# {demo_app.exchange(facts['base'], 'CODE')}\n"
    yield "# a client collects with a PGO (MedMij): the PGO"
    yield f".venv/bin/python -m conformance.simulators pgo --port 9300 --demo {path}\n"
    yield f"Tokens for everyone, and the ports of the simulated source systems: {path}"
    yield "Stop with Ctrl-C.\n"


_EXAMPLES = (
    ("system", "CareTeam?patient={patient}&_include=CareTeam:participant", "system: the team around the client, and who is in it"),
    ("gp", "MedicationDispense?patient={patient}", "GP: what the pharmacies dispensed, asked from their systems at this moment"),
    ("daughter", "CommunicationRequest?patient={patient}", "daughter: the message threads about her mother"),
    ("client", "Consent?patient={patient}", "client: what she has consented to"),
)
