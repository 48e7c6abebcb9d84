"""A hub with the network of OZO's examples, read where they lie, and its people, in either mode."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flows.authorization import Authorization, running
from flows.client import Client

from fhir_server import bootstrap

Json = dict[str, Any]
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ozo-ig"
BASE = "http://ozoverbindzorg.nl/fhir/StructureDefinition/"
KEES, MANU, PT = "RelatedPerson/Kees-Groot", "Practitioner/Manu-van-Weel", "Patient/H-de-Boer"
_NETWORK = ("Organization", "Patient", "Practitioner", "RelatedPerson", "CareTeam")
_ROLES = {"Practitioner": "practitioner", "RelatedPerson": "related-person", "Patient": "patient", "Device": "system"}


def example(name: str, folder: str = "examples") -> Json:
    """Return one of OZO's examples without its meta."""
    found: Json = json.loads((REFERENCE / folder / f"{name}.json").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key != "meta"}


def examples(type_: str) -> list[Json]:
    return [example(each.stem) for each in sorted((REFERENCE / "examples").glob(f"{type_}-*.json"))]


@dataclass(frozen=True)
class Ozo:
    """A running hub in the mode that ``strict`` tells."""

    hub: Authorization
    strict: bool

    def as_(self, reference: str) -> Client:
        role = _ROLES[reference.partition("/")[0]]
        return Client(self.hub.port, bootstrap.token_for(self.hub.settings, reference, role, ttl=3600, at=bootstrap.now()))

    @property
    def system(self) -> Client:
        return self.as_("Device/platform")

    @property
    def anybody(self) -> Client:
        return Client(self.hub.port)


@contextmanager
def ozo_running(folder: Path, database: str, *, strict: bool) -> Iterator[Ozo]:
    """Serve the network of the examples until the block ends."""
    if not REFERENCE.is_dir():
        pytest.skip("needs ../shared/reference/ozo-ig (examples of OZO), which is not part of the project")
    with running(folder, database, OZO_STRICT=str(strict).lower()) as hub:
        served = Ozo(hub, strict)
        # An example refers to an organisation that is not among them.
        assert served.system.put({"resourceType": "Organization", "id": "1354", "name": "Thuiszorg"}).status == 201
        for resource in sorted((each for type_ in _NETWORK for each in examples(type_)), key=_before):
            reply = served.system.put(resource)
            assert reply.status == 201, (resource["id"], reply.body)
        yield served


def _before(resource: Json) -> tuple[int, bool]:
    return _NETWORK.index(resource["resourceType"]), "subject" in resource
