"""The project's own files, as the rules of this folder read them. Each rule takes a root, so that it can be shown to fail."""

import ast
import gc
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("fhir_server", "profiles", "mappings", "adapters", "terminology", "conformance")
COMMANDS = ("benchmarks", "scripts")

Plant = Callable[[dict[str, str]], Path]  # writes files below an empty root, and returns the root


def modules(root: Path, folders: tuple[str, ...] = PACKAGES) -> list[Path]:
    """Return every Python file below ``folders`` of ``root``."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file, which must not be changed: a file that did not change is parsed once for all rules."""
    return parsed(path.read_text(encoding="utf-8"))


def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a source, which must not be changed either."""
    _parse_own()
    return _parsed(text)


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def _parse_own() -> None:
    """Parse the project's own files, without looking for garbage among the many small parts, which are kept to the end."""
    gc.disable()
    try:
        for path in modules(ROOT):
            nodes(_parsed(path.read_text(encoding="utf-8")))
        gc.freeze()
    finally:
        gc.enable()


@cache
def nodes(module: ast.Module) -> tuple[ast.AST, ...]:
    """Return every node of a tree, gone through once for all rules."""
    return tuple(ast.walk(module))


def place(root: Path, path: Path, line: int) -> str:
    """Name a line the way editors understand it."""
    return f"{path.relative_to(root)}:{line}"


def tracked(root: Path) -> list[Path]:
    """Return the files that are, or are about to be, in version control; without git, all but caches and environments."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and (root / ".git").exists():
        return [root / name for name in sorted(set(listing.stdout.split("\0"))) if name and (root / name).is_file()]
    return sorted(path for path in root.rglob("*") if path.is_file() and not ignored(path.relative_to(root).parts))


def ignored(parts: tuple[str, ...]) -> bool:
    """Tell whether a path, in parts, is nobody's source: an environment, a cache, or what a run of the server left behind."""
    return parts[0] in {"data", "dist"} or any(
        part in {".git", ".venv", "__pycache__"} or part.endswith("_cache") for part in parts
    )


def imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything that a module imports; relative imports keep their dots away."""
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def aliases(module: ast.Module) -> dict[str, str]:
    """Return what each imported name of a module stands for: ``{"dt": "datetime.datetime"}``."""
    found: dict[str, str] = {}
    for node in nodes(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """Return the full dotted name of ``a.b.c``, with ``a`` resolved by ``known``; "" for other expressions."""
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, known)
        return f"{base}.{node.attr}" if base else ""
    return known.get(node.id, "") if isinstance(node, ast.Name) else ""
