"""What the import contracts in pyproject.toml cannot see: the standard library, and modules loaded by name.

The contracts themselves are shown to fail: each is given one import that it forbids.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.sources import ROOT, Plant, aliases, dotted, imports, modules, nodes, place, tree

ONLY_IN = {
    "sqlite3": ("fhir_server/storage/",),  # SQL has one place
}
LOADERS = ("importlib.import_module", "importlib.util.spec_from_file_location", "runpy.", "__import__")
MAY_LOAD = ("adapters/registry.py", "adapters/checker.py", "fhir_server/storage/")  # what manifests name; migrations


def strays(root: Path) -> list[str]:
    """Name the imports of a module that has its own place, outside that place."""
    return [
        f"{place(root, path, line)} {name}"
        for path in modules(root)
        for line, name in imports(tree(path))
        for package, homes in ONLY_IN.items()
        if name.split(".")[0] == package and not str(path.relative_to(root)).startswith(homes)
    ]


def loads(root: Path) -> list[str]:
    """Name the places that load a module by its name, apart from the ones whose work that is."""
    return [
        f"{place(root, path, line)} {name}"
        for path in modules(root)
        if not str(path.relative_to(root)).startswith(MAY_LOAD)
        for line, name in loading(tree(path))
    ]


def loading(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of the calls that load a module by name."""
    known = aliases(module) | {"__import__": "__import__"}
    for node in nodes(module):
        if isinstance(node, ast.Call) and (name := dotted(node.func, known)).startswith(LOADERS):
            yield node.lineno, name


def test_the_database_of_the_standard_library_stays_in_storage() -> None:
    assert strays(ROOT) == []


def test_modules_are_loaded_by_name_only_where_that_is_the_work() -> None:
    assert loads(ROOT) == []


def test_a_stray_database_is_named(plant: Plant) -> None:
    text = "import sqlite3\n"
    root = plant({"fhir_server/audit/record.py": text, "fhir_server/storage/sqlite.py": text})
    assert strays(root) == ["fhir_server/audit/record.py:1 sqlite3"]


def test_a_hidden_import_is_named(plant: Plant) -> None:
    text = "from importlib import import_module\nx = import_module('fhir_server')\n"
    root = plant({"mappings/engine.py": text, "adapters/registry.py": text, "adapters/checker.py": text})
    assert loads(root) == ["mappings/engine.py:2 importlib.import_module"]


FORBIDDEN = [
    ("fhir_server/model/planted.py", "import fhir_server.search.tree", "the server's layers"),
    ("fhir_server/search/planted.py", "import fhir_server.validation", "the server's layers"),
    ("fhir_server/planted.py", "", "the server's layers"),
    ("mappings/planted.py", "import fhir_server.errors", "the libraries do not know the server"),
    ("profiles/planted.py", "import terminology", "the libraries' order"),
    ("conformance/planted.py", "import mappings", "the conformance kit speaks HTTP only"),
    ("fhir_server/federation/planted.py", "import adapters.pharmacy.hl7v3", "nobody names a concrete adapter"),
    ("adapters/pharmacy/planted.py", "import adapters.pharmacy.hl7v3", "adapters do not know each other"),
    ("fhir_server/audit/planted.py", "import sqlalchemy", "SQL stays in storage"),
    ("fhir_server/cli/planted.py", "from psycopg import sql", "SQL stays in storage"),
    ("fhir_server/interactions/planted.py", "import fastapi", "the web framework stays at the doors"),
    ("fhir_server/oauth/planted.py", "from jose import jwt", "tokens are read in one place"),
    ("adapters/planted.py", "import aiohttp", "who asks other servers"),
    ("fhir_server/operations/planted.py", "import fhirpathpy", "FHIRPath is evaluated in one place"),
]
"""A module, the import that is planted in it, and the contract that forbids it."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return by contract what the import linter says of a copy of the packages with everything planted in it."""
    root = tmp_path_factory.mktemp("copy")
    for path in modules(ROOT):
        (root / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path.relative_to(ROOT))
    shutil.copy(ROOT / "pyproject.toml", root)
    for planted, line, _ in FORBIDDEN:
        (root / planted).write_text(f"{line}\n")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout
    _, separated, told = printed.partition("\nBroken contracts\n")
    assert separated, printed
    parts = re.split(r"\n(.+)\n-+\n", told)  # a title, underlined, and what is told of it
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("path", "line", "contract"), FORBIDDEN)
def test_a_contract_fails_when_it_is_broken(broken: dict[str, str], path: str, line: str, contract: str) -> None:
    planted = path.removesuffix(".py").replace("/", ".")
    imported = line.split()[1] if line else ""
    assert re.search(rf"- +{re.escape(planted)}( -> {re.escape(imported)}.*)?\n", broken[contract])


def test_nothing_else_breaks_a_contract(broken: dict[str, str]) -> None:
    told = re.findall(r"^- +(\S+)", "\n".join(broken.values()), re.MULTILINE)
    assert sorted(told) == sorted(path.removesuffix(".py").replace("/", ".") for path, _, _ in FORBIDDEN)
