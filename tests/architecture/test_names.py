"""A name says what is inside; the names below say that nobody knew."""

import ast
import re
from pathlib import Path

import pytest
from architecture.sources import COMMANDS, PACKAGES, ROOT, Plant, modules, nodes, place, tree

HOLLOW = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|common|misc|shared|stuff|tools?|lib)$")
HOLLOW_CLASS = re.compile(r"(?:Utils?|Helpers?|Managers?)$")


def hollow_modules(root: Path) -> list[str]:
    """Name the modules and folders whose name says nothing."""
    parts = {
        part for path in modules(root, PACKAGES + COMMANDS) for part in [path.relative_to(root), *path.relative_to(root).parents]
    }
    return sorted(str(part) for part in parts if HOLLOW.search(part.stem))


def hollow_classes(root: Path) -> list[str]:
    """Name the classes whose name says nothing."""
    return [
        f"{place(root, path, node.lineno)} {node.name}"
        for path in modules(root, PACKAGES + COMMANDS)
        for node in nodes(tree(path))
        if isinstance(node, ast.ClassDef) and HOLLOW_CLASS.search(node.name)
    ]


def test_every_module_has_a_telling_name() -> None:
    assert hollow_modules(ROOT) == []


def test_every_class_has_a_telling_name() -> None:
    assert hollow_classes(ROOT) == []


@pytest.mark.parametrize("name", ["utils", "date_utils", "helpers", "manager", "common", "misc"])
def test_a_hollow_module_is_named(plant: Plant, name: str) -> None:
    root = plant({f"fhir_server/{name}.py": "", f"mappings/{name}/rows.py": "", "fhir_server/commons_act.py": ""})
    assert hollow_modules(root) == [f"fhir_server/{name}.py", f"mappings/{name}"]


def test_a_hollow_class_is_named(plant: Plant) -> None:
    root = plant({"adapters/registry.py": "class AdapterManager: ...\n\n\nclass Manifest: ...\n"})
    assert hollow_classes(root) == ["adapters/registry.py:1 AdapterManager"]
