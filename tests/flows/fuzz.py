"""Requests that a careless or hostile client might send: made from the real grammar, then broken, by a seed."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from flows import corpus

from fhir_server.catalog import catalog
from fhir_server.model import json as own_json
from fhir_server.model import xml as own_xml

MARK = "Qwxplant"
"""Stands for patient data in every value that is made here: nothing may repeat it in an error or in the log."""
JSON, XML = "application/fhir+json", "application/fhir+xml"
TYPES = catalog.load().types
KEPT = [name for name, entry in TYPES.items() if entry.is_stored and "update" in entry.interactions]
SEEDS = {name: content for name, content in corpus.invented() if len(content) < 20_000}
WORDS = tomllib.loads(Path(__file__).with_name("fuzz_words.toml").read_text(encoding="utf-8"))
TEXTS = [*WORDS["texts"], "9" * 400, "Patient/" + "a" * 300, "a" * 5000, "x,y,z," * 200]
IDS = [*WORDS["ids"], "a" * 64, "a" * 65]
PATHS = [*["/{id}"] * 8, *[""] * 8, *WORDS["paths"]]
HEADERS = WORDS["headers"]
SPLINTERS = [
    *(word.encode("latin-1") for word in WORDS["splinters"]),
    *(b"9" * 5000, b"[" * 5000, b'{"a":' * 5000, b"<extension>" * 500),
]
METHODS = ["GET"] * 6 + ["POST"] * 4 + ["PUT"] * 4 + ["PATCH"] * 2 + ["DELETE", "HEAD"]


@dataclass
class Made:
    """One request: the target is in bytes, as it goes on the line."""

    method: str
    target: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None

    def header(self, name: str) -> str:
        return next((value for given, value in self.headers if given == name), "")


def request(random: Random, tokens: list[str]) -> Made:
    """Make one request; mostly with the first of ``tokens``."""
    method = random.choice(METHODS) if random.random() < 0.97 else random.choice(["OPTIONS", "TRACE", "QUERY", "get"])
    made = Made(method, target(random, method))
    token = tokens[0] if random.random() < 0.8 else random.choice([*tokens, "", "x.y.z", "é"])
    if token:
        made.headers.append(("Authorization", random.choice(["Bearer "] * 30 + ["bearer ", "Basic ", ""]) + token))
    if method in {"POST", "PUT", "PATCH", "DELETE", "QUERY"} and random.random() < 0.95:
        content_type, made.body = body(random, method, made.target)
        made.headers.append(("Content-Type", content_type))
    for name in random.sample(sorted(HEADERS), random.choice([0, 0, 1, 1, 2, 4])):
        if not made.header(name) or random.random() < 0.1:
            made.headers.append((name, random.choice(HEADERS[name])))
    return made


def target(random: Random, method: str) -> bytes:
    if random.random() < 0.25 and method == "POST":
        return b"/fhir" + random.choice([b"", b"/", b"?_format=xml", b"/?x=y"])
    name = (
        random.choice(KEPT if random.random() < 0.8 else sorted(TYPES))
        if random.random() < 0.95
        else random.choice(["Nonsense", "patient", "*", "metadata", "$export", MARK])
    )
    usual = "" if method == "POST" else "/{id}"
    path = f"/fhir/{name}{random.choice(PATHS) if random.random() < 0.35 else usual}"
    path = path.replace("{id}", random.choice([*[f"s-{name}"] * 30, *IDS]))
    if random.random() < 0.04:
        path = random.choice(
            ["/fhir//", "/fhir/../fhir/", "/fhir/%2e%2e/", "/fhir/%", "/fhir/Patient/%ff", "/fhir/Patient/%00", "/fhir/;x"]
        )
    text = path + ("?" + query(random, name) if random.random() < 0.6 else "")
    return text.replace(" ", "%20").encode()


def query(random: Random, name: str) -> str:
    pairs = [pair(random, name) for _ in range(random.choice([*[1] * 6, 2, 3, 250 if random.random() < 0.02 else 4]))]
    return random.choice([*["&"] * 8, "&&", ";"]).join(pairs)


def pair(random: Random, name: str) -> str:
    entry = TYPES.get(name)
    codes = sorted(entry.search) if entry else ["name"]
    code = random.choice(codes) if random.random() < 0.75 else random.choice(WORDS["results"])
    if random.random() < 0.2:
        code += random.choice(WORDS["modifiers"])
    if random.random() < 0.04:
        code = random.choice(TEXTS)
    found = random.random()
    value = (
        random.choice(WORDS["values"])
        if found < 0.3
        else random.choice(TEXTS)
        if found < 0.6
        else MARK
        if found < 0.8
        else f"s-{name}"
    )
    value = random.choice(
        [value, value, f"{value},{MARK}", f"http://x|{value}", f"|{value}", f"{value}|", f"ge{value}", f"Patient/{value}"]
    )
    return f"{code}={value if random.random() < 0.1 else quote(value, safe=',|:/$')}".replace("\n", "").replace("\0", "%00")


def body(random: Random, method: str, where: bytes) -> tuple[str, bytes]:
    """Return a content type and a body that go more or less with ``method`` and the path ``where``."""
    if b"_search" in where:
        return "application/x-www-form-urlencoded", query(random, "Patient").encode()
    if method == "PATCH":
        return patch(random)
    if where.rstrip(b"/").startswith(b"/fhir?") or where in {b"/fhir", b"/fhir/"} or where.startswith(b"/fhir/?"):
        return written(random, bundle(random))
    return written(random, resource(random, where))


def resource(random: Random, where: bytes = b"") -> Any:
    """Return a valid resource, mostly of the type and id of the path, with a few changes."""
    name = where.decode(errors="replace").split("/")[2].partition("?")[0] if where.count(b"/") > 1 else ""
    fitting = [seed for seed in SEEDS if seed.startswith(f"{name}-")] or sorted(SEEDS)
    value = json.loads(SEEDS[random.choice(fitting)])
    if random.random() < 0.9:
        value["id"] = f"s-{value['resourceType']}"
    for _ in range(random.choice([0, 0, 1, 1, 2, 5])):
        value = changed(random, value)
    return value


def changed(random: Random, value: Any, depth: int = 0) -> Any:
    """Return ``value`` with one change somewhere in it."""
    if isinstance(value, dict) and value and random.random() < 0.8 and depth < 12:
        name = random.choice(sorted(value))
        if random.random() < 0.15:
            return {
                **value,
                random.choice([f"_{name}", "extension", "contained", "valueString", "__proto__", "x" * 70, ""]): weird(random),
            }
        return {**value, name: changed(random, value[name], depth + 1)}
    if isinstance(value, list) and value and random.random() < 0.8 and depth < 12:
        at = random.randrange(len(value))
        return [*value[:at], changed(random, value[at], depth + 1), *value[at + random.choice([0, 1, 1, 2]) :]]
    return weird(random)


def weird(random: Random) -> Any:
    return random.choice(_WEIRD)(random)


_WEIRD: list[Callable[[Random], Any]] = [
    lambda random: random.choice([*TEXTS, *[MARK] * len(TEXTS)]),
    lambda random: random.choice([None, True, False, 0, -1, 1.5, 10**30, -(2**63), 1e308]),
    lambda random: random.choice([[], {}, [None], [[]], [{}], {"": ""}, [[[[1]]]]]),
    lambda random: {
        "reference": random.choice(["Patient/x", "#", "#no", "urn:uuid:1", "CareTeam/" + MARK, "http://x/fhir/Patient/1", "x"])
    },
    lambda random: {"resourceType": random.choice(["Patient", "Nonsense", "Bundle"]), "id": MARK},
    lambda random: {"url": "x", "extension": [{"url": "y", "valueString": MARK}] * random.choice([1, 300])},
    lambda random: nested(random.choice([10, 70, 150])),
    lambda random: "x" * random.choice([10, 10_000, 300_000]),
    lambda random: [MARK] * random.choice([2, 3000]),
    lambda random: f"<div xmlns='http://www.w3.org/1999/xhtml'>{'<p>' * random.choice([1, 300])}{MARK}<script/></div>",
]


def nested(depth: int) -> Any:
    value: Any = [{"url": "x", "valueString": MARK}]
    for _ in range(depth):
        value = [{"url": "x", "extension": value}]
    return value


def bundle(random: Random) -> Any:
    entries = [entry(random, number) for number in range(random.choice([0, 1, 2, 3, 5, 20]))]
    made = {
        "resourceType": "Bundle",
        "type": random.choice(["transaction"] * 3 + ["batch"] * 3 + ["searchset", MARK]),
        "entry": entries,
    }
    if random.random() < 0.03:
        made["entry"] = entries * 400
    return changed(random, made) if random.random() < 0.3 else made


def entry(random: Random, number: int) -> Any:
    method = random.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "X"])
    url = target(random, "GET").decode().removeprefix("/fhir/")
    made: dict[str, Any] = {
        "request": {"method": method, "url": random.choice([url, url, "", "/", "http://x/y", f"Patient/{MARK}", "Patient?"])}
    }
    if method in {"POST", "PUT", "PATCH"}:
        made["resource"] = resource(random, f"/fhir/{url}".encode())
    made["fullUrl"] = random.choice(
        [f"urn:uuid:{number:08d}-0000-4000-8000-000000000000", "urn:uuid:1", "x", f"http://x/Patient/{number}"]
    )
    for name in random.sample(["ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince"], random.choice([0, 0, 0, 1, 2])):
        made["request"][name] = random.choice(['W/"1"', f"identifier={MARK}", "2024-01-01T00:00:00Z", "*", ""])
    return made


def patch(random: Random) -> tuple[str, bytes]:
    kind = random.choice(["json-patch", "merge", "json", "fhirpath"])
    if kind == "json-patch":
        operations = [operation(random) for _ in range(random.choice([0, 1, 2, 5]))]
        return written(random, changed(random, operations) if random.random() < 0.2 else operations, "application/json-patch+json")
    if kind == "fhirpath":
        return written(random, parameters(random))
    value = {
        random.choice(["name", "status", "extension", "id", "meta", "_status", "active", "nonsense"]): weird(random)
        for _ in range(2)
    }
    return written(random, value, "application/merge-patch+json" if kind == "merge" else "application/json")


def operation(random: Random) -> Any:
    pointer = random.choice(WORDS["pointers"])
    made = {
        "op": random.choice(["add", "remove", "replace", "move", "copy", "test", "x"]),
        "path": pointer,
        "from": "/name",
        "value": weird(random),
    }
    return {name: value for name, value in made.items() if random.random() < 0.95}


def parameters(random: Random) -> Any:
    paths = [*WORDS["fhirpaths"], "Patient." * 200]
    part = [
        {"name": "type", "valueCode": random.choice(["add", "insert", "delete", "replace", "move", "x"])},
        {"name": "path", "valueString": random.choice(paths)},
        {"name": "name", "valueString": random.choice(["name", "active", "id", "nonsense"])},
        {"name": "index", "valueInteger": random.choice([0, 1, -1, 10**9])},
        {"name": "value", random.choice(["valueString", "valueHumanName", "valueBoolean"]): weird(random)},
    ]
    made = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": random.sample(part, random.randint(0, 5))}]}
    return changed(random, made) if random.random() < 0.3 else made


def written(random: Random, value: Any, content_type: str = JSON) -> tuple[str, bytes]:
    """Write ``value``, and break the text now and then; as XML where that is possible and drawn."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    if content_type == JSON and random.random() < 0.3:
        try:
            text, content_type = own_xml.write(own_json.read(text).resource), XML
        except Exception:  # noqa: BLE001 - what cannot be written as XML is sent as JSON
            return content_type, text
    for _ in range(random.choice([0, 0, 0, 1, 3])):
        text = broken(random, text, content_type)
    return content_type, text


_XML_ENTITIES = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b SYSTEM "file:///etc/passwd">]>'


def broken(random: Random, text: bytes, content_type: str) -> bytes:
    at, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
    match random.randrange(6):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + text[min(end, at + 30) :]
        case 2:
            return text[:at] + text[at : min(end, at + 2000)] + text[at:]
        case 3 if content_type == XML:
            return _XML_ENTITIES + text
        case _:
            return text[:at] + random.choice(SPLINTERS) + text[at + random.choice([0, 0, 1]) :]
