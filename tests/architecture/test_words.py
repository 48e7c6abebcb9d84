"""What is shipped is finished, and no failure disappears."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.sources import COMMANDS, PACKAGES, ROOT, Plant, aliases, dotted, modules, nodes, place, tree

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b")
EVERYTHING = {"Exception", "BaseException"}


def unfinished(root: Path) -> list[str]:
    """Name the lines that say that something is still to be done."""
    return [
        f"{place(root, path, number)} {line.strip()}"
        for path in modules(root, PACKAGES + COMMANDS)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def swallowed(root: Path) -> list[str]:
    """Name the places where any failure at all is dropped without a word."""
    return [place(root, path, line) for path in modules(root, PACKAGES + COMMANDS) for line in swallowing(tree(path))]


def swallowing(module: ast.Module) -> Iterator[int]:
    """Yield the lines of bare excepts, of empty handlers of everything, and of ``suppress`` of everything."""
    known = aliases(module)
    for node in nodes(module):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or (catches_all(node.type) and is_empty(node.body))):
            yield node.lineno
        if isinstance(node, ast.Call) and dotted(node.func, known) == "contextlib.suppress" and any(map(catches_all, node.args)):
            yield node.lineno


def catches_all(node: ast.expr) -> bool:
    """Tell whether an exception expression names every exception."""
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in EVERYTHING for name in names)


def is_empty(body: list[ast.stmt]) -> bool:
    """Tell whether a block does nothing: ``pass``, ``...``, ``continue`` or a bare text."""
    return all(
        isinstance(part, ast.Pass | ast.Continue) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        for part in body
    )


def test_nothing_shipped_is_unfinished() -> None:
    assert unfinished(ROOT) == []


def test_no_failure_is_swallowed() -> None:
    assert swallowed(ROOT) == []


@pytest.mark.parametrize("line", ["x = 1  # TODO later", "# FIXME", "raise NotImplementedError", "# XXX", "# HACK around"])
def test_an_unfinished_line_is_named(plant: Plant, line: str) -> None:
    assert unfinished(plant({"fhir_server/x.py": f"# fine\n{line}\n"})) == [f"fhir_server/x.py:2 {line}"]


@pytest.mark.parametrize(
    "handler",
    [
        "except:\n    x = 1",
        "except Exception:\n    pass",
        "except (ValueError, BaseException):\n    ...",
        "except Exception:\n    'why'",
    ],
)
def test_a_swallowing_handler_is_named(plant: Plant, handler: str) -> None:
    assert swallowed(plant({"adapters/x.py": f"try:\n    y = 1\n{handler}\n"})) == ["adapters/x.py:3"]


def test_suppressing_everything_is_named(plant: Plant) -> None:
    text = "from contextlib import suppress\nwith suppress(Exception):\n    x = 1\nwith suppress(KeyError):\n    x = 1\n"
    assert swallowed(plant({"adapters/x.py": text})) == ["adapters/x.py:2"]


def test_a_named_exception_may_be_passed_over(plant: Plant) -> None:
    text = "try:\n    x = 1\nexcept KeyError:\n    pass\nexcept Exception as cause:\n    raise ValueError from cause\n"
    assert swallowed(plant({"adapters/x.py": text})) == []
