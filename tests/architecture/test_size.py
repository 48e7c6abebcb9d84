"""Files and functions stay small enough to be read at once."""

import ast
from pathlib import Path
from statistics import median

import pytest
from architecture.sources import COMMANDS, PACKAGES, ROOT, Plant, modules, nodes, place, tree

FILE_LIMIT, FILE_MEDIAN = 400, 120
FUNCTION_LIMIT, FUNCTION_MEDIAN = 60, 10
FEW = 5  # a median of fewer says nothing


def lengths(path: Path) -> list[tuple[int, str, int]]:
    """Return (line, name, lines) of every function of a file."""
    return [
        (node.lineno, node.name, length(node))
        for node in nodes(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function from ``def`` to its end."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lines(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def holds_code(path: Path) -> bool:
    """Tell whether a file holds more than a docstring."""
    return len(tree(path).body) > 1


def long_files(root: Path) -> list[str]:
    """Name the files above the limit."""
    return [f"{path.relative_to(root)} ({lines(path)})" for path in modules(root, PACKAGES + COMMANDS) if lines(path) > FILE_LIMIT]


def long_functions(root: Path) -> list[str]:
    """Name the functions above the limit."""
    return [
        f"{place(root, path, line)} {name} ({size})"
        for path in modules(root, PACKAGES + COMMANDS)
        for line, name, size in lengths(path)
        if size > FUNCTION_LIMIT
    ]


def longest_files(root: Path, package: str) -> list[str]:
    """Return nothing while the median file of a package is within budget, and its longest files otherwise."""
    sizes = sorted(((lines(path), path) for path in modules(root, (package,)) if holds_code(path)), reverse=True)
    if len(sizes) < FEW or median(size for size, _ in sizes) < FILE_MEDIAN:
        return []
    return [f"{path.relative_to(root)} ({size})" for size, path in sizes[: len(sizes) // 2 + 1]]


def longest_functions(root: Path, package: str) -> list[str]:
    """Return nothing while the median function of a package is within budget, and its longest functions otherwise."""
    found = [(size, place(root, path, line), name) for path in modules(root, (package,)) for line, name, size in lengths(path)]
    if len(found) < FEW or median(size for size, _, _ in found) < FUNCTION_MEDIAN:
        return []
    return [f"{where} {name} ({size})" for size, where, name in sorted(found, reverse=True)[:20]]


def test_no_file_is_above_the_limit() -> None:
    assert long_files(ROOT) == []


def test_no_function_is_above_the_limit() -> None:
    assert long_functions(ROOT) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_median_file_is_short(package: str) -> None:
    assert longest_files(ROOT, package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_median_function_is_short(package: str) -> None:
    assert longest_functions(ROOT, package) == []


def function(name: str, size: int) -> str:
    return f"def {name}():\n" + "    pass\n" * (size - 1)


def test_a_file_above_the_limit_is_named(plant: Plant) -> None:
    root = plant({"mappings/long.py": "x = 1\n" * 401, "mappings/fits.py": "x = 1\n" * 400})
    assert long_files(root) == ["mappings/long.py (401)"]


def test_a_function_above_the_limit_is_named(plant: Plant) -> None:
    root = plant({"adapters/gp/x.py": function("fits", 60) + function("long", 61)})
    assert long_functions(root) == ["adapters/gp/x.py:61 long (61)"]


def test_files_that_are_long_on_the_whole_are_named(plant: Plant) -> None:
    root = plant({f"profiles/m{n}.py": "x = 1\n" * (130 if n < 3 else 10) for n in range(5)})
    assert longest_files(root, "profiles") == [f"profiles/m{n}.py (130)" for n in (2, 1, 0)]


def test_functions_that_are_long_on_the_whole_are_named(plant: Plant) -> None:
    root = plant({"profiles/m.py": "".join(function(f"f{n}", 10) for n in range(5))})
    assert len(longest_functions(root, "profiles")) == 5
