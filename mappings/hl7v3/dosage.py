"""Dosage: the administration requests of one dispense event as FHIR Dosage.

Requests that follow one another (tapering, building up) are not structured: FHIR's instructions here have no order, and taking
consecutive ones for parallel ones would multiply the dose. Their text stays, and a remark says so.
"""

from dataclasses import dataclass, replace

from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import concept, null_coding
from mappings.hl7v3.quantities import quantity, ratio
from mappings.hl7v3.timing import Rhythm, Times, period_of_use, read_times
from mappings.tree import Node

FUNCTIONS = Functions()
Json = dict[str, object]
# NHG table 25, code 1137: "as needed"
AS_NEEDED = ("https://referentiemodel.nhg.org/tabellen/nhg-tabel-25-gebruiksvoorschrift#aanvullend-numeriek", "1137")


@dataclass(frozen=True, slots=True)
class Request:
    """One medicationAdministrationRequest; ``most`` is the highest frequency when a second request allows more as needed."""

    times: Times
    dose: Json | None
    maximum: Json | None
    as_needed: Json | None
    instructions: tuple[Json, ...]
    route: Json | None
    problems: tuple[str, ...]
    most: int = 0


def read_request(node: Node) -> Request:
    """Read one request; what cannot be structured is in its ``problems``."""
    times = read_times(node)
    problems = list(times.problems)
    dose = _tried(_dose, node, problems)
    maximum = _tried(_maximum, node, problems)
    route = node.first("routeCode")
    return Request(
        times,
        dose,
        maximum,
        _as_needed(node),
        tuple(_concepts(node, "support2", "medicationAdministrationInstruction")),
        concept(route) if route and route.value("code") else None,
        tuple(problems),
    )


def merged(requests: list[Request]) -> list[Request]:
    """Put a fixed request and an extra one as needed, alike in all else, together as "so many to so many times"."""
    if len(requests) != 2:  # noqa: PLR2004 - a pair
        return requests
    fixed, extra = sorted(requests, key=lambda request: _is_plain_as_needed(request.as_needed))
    low, high = fixed.times.rhythm, extra.times.rhythm
    if fixed.as_needed or not _is_plain_as_needed(extra.as_needed) or low is None or high is None or low.times or high.times:
        return requests
    alike = _essence(fixed, low) == _essence(extra, high)
    return [replace(fixed, most=low.frequency + high.frequency)] if alike and fixed.dose else requests


def _essence(request: Request, rhythm: Rhythm) -> object:
    times = request.times
    return rhythm.period, rhythm.unit, request.dose, request.maximum, times.start, times.end, times.width, request.problems


def is_sequence(requests: list[Request]) -> bool:
    """Say whether the requests may follow one another, so that they are no parallel instructions."""
    if len(requests) < 2:  # noqa: PLR2004 - one follows nothing
        return False
    starts = {request.times.start or request.times.once for request in requests} - {""}
    ends = {request.times.end for request in requests} - {""}
    widths = {str(request.times.width) for request in requests if request.times.width}
    return any(len(values) > 1 for values in (starts, ends, widths)) or any(request.times.cycle for request in requests)


def dosages(requests: list[Request]) -> list[Json]:
    """Return the instructions as FHIR Dosage; of consecutive requests only what holds for all of them."""
    instructions: list[Json] = []
    for instruction in (one for request in requests for one in request.instructions):
        if instruction not in instructions:
            instructions.append(instruction)
    common: Json = {"additionalInstruction": instructions} if instructions else {}
    route = next((request.route for request in requests if request.route), None)
    route_part: Json = {"route": route} if route else {}
    if is_sequence(requests):
        return [common | route_part] if common or route_part else []
    ordered = sorted(merged(requests), key=lambda request: bool(request.times.start))
    found = [common | _timing(request) | route_part | _doses(request) for request in ordered]
    return [dosage for dosage in found if dosage]


def _timing(request: Request) -> Json:
    found: Json = {}
    times = request.times
    if times.problems:
        return {"asNeededCodeableConcept": request.as_needed} if request.as_needed else {}
    repeat: Json = {}
    if times.cycle and times.rhythm:
        repeat["boundsDuration"] = times.cycle[0]
    if times.rhythm:
        repeat |= times.rhythm.repeat(request.most)
    if repeat:
        found["timing"] = {"repeat": repeat}
    elif times.once:
        found["timing"] = {"event": [times.once]}
    return found | ({"asNeededCodeableConcept": request.as_needed} if request.as_needed else {})


def _doses(request: Request) -> Json:
    found: Json = {"doseAndRate": [request.dose]} if request.dose else {}
    return found | ({"maxDosePerPeriod": request.maximum} if request.maximum else {})


def _tried(read: object, node: Node, problems: list[str]) -> Json | None:
    assert callable(read)
    try:
        found: Json | None = read(node)
    except Unmappable as error:
        problems.append(str(error))
        return None
    return found


def _dose(node: Node) -> Json | None:
    found = node.first("doseQuantity")
    if found is None:
        return None
    center, low, high = found.first("center"), found.first("low"), found.first("high")
    if center or not (low or high):
        single = quantity(center or found)
        return {"doseQuantity": single} if single else None
    ends = {name: amount for name, end in (("low", low), ("high", high)) if end and (amount := quantity(end))}
    if len({(str(end.get("system")), str(end.get("code"))) for end in ends.values()}) > 1:
        raise Unmappable("the ends of a dose range have different units")
    return {"doseRange": ends} if ends else None


def _maximum(node: Node) -> Json | None:
    found = node.all("maxDoseQuantity")
    if len(found) > 1:
        raise Unmappable("there is more than one maximum dose")
    return ratio(found[0]) if found else None


def _as_needed(node: Node) -> Json | None:
    found = _concepts(node, "precondition", "observationEventCriterion")
    if len(found) <= 1:
        return found[0] if found else None
    return {"coding": [null_coding("OTH")], "text": ", ".join(_shown(one) for one in found)}


def _concepts(node: Node, relation: str, act: str) -> list[Json]:
    codes = [code for link in node.all(relation) for one in link.all(act) for code in one.all("code")]
    return [found for code in codes if (found := concept(code)) is not None]


def _shown(found: Json) -> str:
    codes = found.get("coding")
    first = codes[0] if isinstance(codes, list) and codes else {}
    return str(found.get("text") or first.get("display") or first.get("code") or "")


def _is_plain_as_needed(found: Json | None) -> bool:
    codes = (found or {}).get("coding")
    return isinstance(codes, list) and len(codes) == 1 and (codes[0].get("system"), codes[0].get("code")) == AS_NEEDED


@FUNCTIONS.whole("dosages")
def _dosages(nodes: list[Node], call: Call) -> list[Json] | None:
    requests = [read_request(node) for node in nodes]
    call.remarks.extend(dict.fromkeys(problem for request in requests for problem in request.problems))
    if is_sequence(requests):
        call.remarks.append("the dosage consists of consecutive or cyclic requests and stays text")
    return dosages(requests) or None


@FUNCTIONS.whole("period_of_use")
def _period_of_use(nodes: list[Node], _call: Call) -> Json | None:
    return period_of_use([read_times(node) for node in nodes])


@FUNCTIONS.whole("cycle")
def _cycle(nodes: list[Node], _call: Call) -> Json | None:
    """Return the length of a cycle, whose active part is in the timing; only where there is nothing else to order."""
    requests = [read_times(node) for node in nodes]
    if len(requests) != 1 or requests[0].problems or requests[0].cycle is None or requests[0].rhythm is None:
        return None
    return requests[0].cycle[1]
