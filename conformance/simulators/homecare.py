"""A home-care system: a FHIR R4 server with a record for each client, found by number with ``POST Patient/_search``."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from conformance.simulators import fhir_search
from conformance.simulators.asked import Asked
from conformance.simulators.faults import Answer
from conformance.simulators.known import Kind, Known
from conformance.simulators.nl_core import Record
from conformance.simulators.nursing import DATA, Nursing, read

Json = dict[str, Any]
Parameters = list[tuple[str, str]]
FHIR = "application/fhir+json"
KIND = Kind(read, DATA / "esdoorn.toml", DATA / "wrong-patient.toml")
BASE = "/fhir"
LARGEST_PAGE = 3
ELSEWHERE = "http://elsewhere.example"
_RESULT = ("_count", "_format")


class HomecareSystem:
    """Knows the records of ``files``, and of somebody else whom nobody asked for; ``fault`` is how it lies, where it does."""

    def __init__(self, files: Sequence[Path], clock: Callable[[], datetime], fault: str = "none") -> None:
        """Read ``files``; raise ``UnusableData`` when one cannot be used."""
        self._known = Known(KIND, files, fault)
        self._others = [KIND.read(KIND.somebody_else)]
        self._clock = clock
        self._fault = fault
        self._asked = 0

    def __call__(self, asked: Asked) -> Answer:
        """Answer one question."""
        self._asked += 1
        segments = asked.path.removeprefix(BASE).strip("/").split("/")
        if segments == ["metadata"]:
            return _answer(_statement())
        if self._fault == "outcome-200":
            return _failed(200, "exception")
        if not asked.path.startswith(BASE) or segments[0] not in {*fhir_search.PARAMETERS, *fhir_search.READ}:
            return _failed(404, "not-supported")
        if len(segments) == 1 or segments[1:] == ["_search"]:
            return self._search(asked, segments[0])
        return self._read(asked, "/".join(segments))

    def _resources(self, asked: Asked) -> list[Json]:
        held: list[Nursing] = [*self._known.all, *self._others]
        return [each for one in held for each in Record(one, asked.root + BASE, self._clock()).resources()]

    def _read(self, asked: Asked, reference: str) -> Answer:
        found = [each for each in self._resources(asked) if f"{each['resourceType']}/{each['id']}" == reference]
        return _answer(found[0]) if found else _failed(404, "not-found")

    def _search(self, asked: Asked, type_: str) -> Answer:
        if type_ not in fhir_search.PARAMETERS:
            return _failed(404, "not-supported")
        token = dict(asked.parameters).get("_page", "")
        state: Json = json.loads(urlsafe_b64decode(token)) if token else {"asked": asked.parameters, "from": 0}
        wanted: Parameters = [(name, value) for name, value in state["asked"] if name not in _RESULT]
        try:
            matches = self._matches(asked, type_, wanted)
        except fhir_search.UnknownParameter:
            return _failed(400, "not-supported")
        start = 0 if self._fault == "endless-next" else state["from"]
        shown = matches[start : start + LARGEST_PAGE]
        place = f"{asked.root}{BASE}/{type_}"
        links = [{"relation": "self", "url": self._itself(place, wanted)}]
        if start + LARGEST_PAGE < len(matches) or self._fault in {"endless-next", "next-elsewhere"}:
            following = urlsafe_b64encode(json.dumps({**state, "from": state["from"] + LARGEST_PAGE}).encode()).decode()
            url = place.replace(asked.root, ELSEWHERE) if self._fault == "next-elsewhere" else place
            links.append({"relation": "next", "url": f"{url}?_page={following}"})
        entries = [
            {"fullUrl": f"{place}/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in map(self._shown, shown)
        ]
        return _answer({"resourceType": "Bundle", "type": "searchset", "total": len(matches), "link": links, "entry": entries})

    def _matches(self, asked: Asked, type_: str, wanted: Parameters) -> list[Json]:
        held = self._resources(asked)
        if type_ == "Patient" and self._known.wrong:
            return [next(each for each in Record(self._known.wrong, asked.root + BASE, self._clock()).resources())]
        if self._fault in {"lying-self", "ignores-patient"} and type_ != "Patient":
            return fhir_search.found(held, type_, [])
        if self._fault == "ignores-parameters" and type_ != "Patient":
            return fhir_search.found(held, type_, [each for each in wanted if each[0] == "patient"])
        return fhir_search.found(held, type_, wanted)

    def _itself(self, place: str, wanted: Parameters) -> str:
        """Return the link to the answer itself, in which no number of a person stands."""
        told: Mapping[str, Parameters] = {
            "ignores-patient": [],
            "ignores-parameters": [each for each in wanted if each[0] == "patient"],
            "narrower-self": [*wanted, ("status", "final")],
        }
        shown = [each for each in told.get(self._fault, wanted) if each[0] != "identifier"]
        return f"{place}?{urlencode(shown)}" if shown else place

    def _shown(self, resource: Json) -> Json:
        if self._fault != "id-change" or resource["resourceType"] == "Patient":
            return resource
        return {**resource, "id": f"{resource['id']}-{self._asked}"}


def _answer(resource: Json, status: int = 200) -> Answer:
    return Answer(status, json.dumps(resource, ensure_ascii=False).encode(), FHIR)


def _failed(status: int, code: str) -> Answer:
    return _answer({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}, status)


def _statement() -> Json:
    searched = [
        {
            "type": type_,
            "interaction": [{"code": "search-type"}, {"code": "read"}],
            "searchParam": [
                {"name": name, "type": "date" if name == "date" else "reference" if name == "patient" else "token"}
                for name in names
            ],
        }
        for type_, names in fhir_search.PARAMETERS.items()
    ]
    read_only = [{"type": type_, "interaction": [{"code": "read"}]} for type_ in fhir_search.READ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [*searched, *read_only]}],
    }
