"""Time, ids and chance come in from outside: what is asked twice with the same input answers the same."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.sources import PACKAGES, ROOT, Plant, aliases, dotted, modules, nodes, place, tree

FROM_OUTSIDE = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "os.urandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "random.",
    "secrets.",
)
COMPARES = {"secrets.compare_digest"}  # chooses nothing
SEEDED = "random.Random"  # with a seed it repeats itself
MAY = {  # who may, and why
    "fhir_server/bootstrap.py": "gives the server its clock and its ids",
    "fhir_server/cli/": "a command is where the outside begins",
    "fhir_server/oauth/keys.py": "makes signing keys: nobody may be able to hand in their chance",
    "fhir_server/storage/journal/reasons.py": "makes keys, and what encryption must never repeat",
    "fhir_server/storage/journal/chain.py": "names a chain that nobody may have named before",
    "conformance/simulators/__main__.py": "a command, too",
}


def sources_of_chance(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each call that asks the machine for time, an id or chance, default factories included."""
    known = aliases(module)
    for node in nodes(module):
        if not isinstance(node, ast.Call):
            continue
        asked = [node.func, *(word.value for word in node.keywords if word.arg == "default_factory")]
        names = (dotted(expression, known) for expression in asked if not is_seeded(node, known))
        yield from ((node.lineno, name) for name in names if name.startswith(FROM_OUTSIDE) and name not in COMPARES)


def is_seeded(call: ast.Call, known: dict[str, str]) -> bool:
    """Tell whether a call makes a generator from a given seed."""
    return dotted(call.func, known) == SEEDED and bool(call.args)


def offenders(root: Path, may: dict[str, str]) -> list[str]:
    """Name the calls outside the places that may make them."""
    return [
        f"{place(root, path, line)} {name}"
        for path in modules(root, PACKAGES)
        if not any(str(path.relative_to(root)).startswith(allowed) for allowed in may)
        for line, name in sources_of_chance(tree(path))
    ]


def test_clock_and_ids_are_injected() -> None:
    assert offenders(ROOT, MAY) == []


def test_every_permission_is_for_something_that_exists() -> None:
    assert [allowed for allowed in MAY if not (ROOT / allowed).exists()] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import datetime\nx = datetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import datetime, UTC\nx = datetime.now(UTC)", "datetime.datetime.now"),
        ("import datetime as dt\nx = dt.date.today()", "datetime.date.today"),
        ("from time import time as clock\nx = clock()", "time.time"),
        ("from uuid import uuid4\nx = str(uuid4())", "uuid.uuid4"),
        ("import random\nx = random.Random()", "random.Random"),
        ("import secrets\nx = secrets.token_hex()", "secrets.token_hex"),
        ("import uuid, dataclasses\nx = dataclasses.field(default_factory=uuid.uuid4)", "uuid.uuid4"),
    ],
)
def test_a_hidden_clock_is_named(plant: Plant, text: str, name: str) -> None:
    assert offenders(plant({"fhir_server/network/x.py": text}), MAY) == [f"fhir_server/network/x.py:2 {name}"]


@pytest.mark.parametrize(
    "text",
    [
        "import time\nx = time.monotonic()",
        "import random\nx = random.Random(7)",
        "import secrets\nx = secrets.compare_digest('a', 'b')",
        "def f(now): return now()",
    ],
)
def test_durations_comparisons_and_injected_clocks_are_free(plant: Plant, text: str) -> None:
    assert offenders(plant({"fhir_server/network/x.py": text}), MAY) == []


def test_the_composition_root_may(plant: Plant) -> None:
    text = "import time\nx = time.time()"
    assert offenders(plant({"fhir_server/bootstrap.py": text, "fhir_server/cli/serve.py": text}), MAY) == []
