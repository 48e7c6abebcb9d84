"""Nothing reaches the store without a grant, and only the gate makes grants: read from the source code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.sources import nodes, parsed

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "fhir_server").rglob("*.py"))
METHODS = {"read", "vread", "search", "count", "fetch", "commit", "lines"}
STORES = {"repository", "store", "_repository", "_store"}


def last_name(node: ast.expr) -> str:
    """Return the last word of a dotted name: "repository" for ``call.services.repository``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in nodes(parsed(source)) if isinstance(node, ast.Call))


def makes_grants(source: str) -> bool:
    """Tell whether the code calls Grant, under whatever name it was imported, or changes one with dataclasses.replace."""
    names = {"Grant"} | {
        alias.asname
        for node in nodes(parsed(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "Grant" and alias.asname
    }
    return any(last_name(call.func) in names or _replaces_a_grant(call) for call in calls(source))


def _replaces_a_grant(call: ast.Call) -> bool:
    return last_name(call.func) in {"replace", "copy", "__replace__"} and any("grant" in last_name(each) for each in call.args)


def ungranted(source: str) -> list[int]:
    """Return the lines of calls on the store whose first argument is no grant."""
    return [call.lineno for call in calls(source) if _asks_the_store(call) and not (call.args and _is_grant(call.args[0]))]


def _asks_the_store(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and last_name(call.func.value) in STORES


def _is_grant(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return all(_is_grant(each) for each in node.elts)
    if isinstance(node, ast.Starred):
        return _is_grant(node.value)
    return last_name(node) in {"grant", "grants"}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("Grant('a', 'b', c)", True),
        ("repository.Grant('a', 'b', c)", True),
        ("from x import Grant as G\nG(1)", True),
        ("replace(grant, where=Everything())", True),
        ("replace(call.grant, where=Everything())", True),
        ("FederationGrant(1)", False),
        ("from x import Grant\ndef f(g: Grant) -> None: g.where", False),
        ("replace(settings, a=1)", False),
    ],
)
def test_the_scan_sees_who_makes_grants(source: str, *, made: bool) -> None:
    assert makes_grants(source) is made


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("repository.read(grant, a, b)", []),
        ("await call.services.repository.commit([grant, grant], [made], [line])", []),
        ("repository.fetch([*grants], x)", []),
        ("file.read(5)", []),
        ("store.record(row)", []),
        ("repository.read(type_, id_)", [1]),
        ("self._repository.search(None, query)", [1]),
        ("x = 1\nservices.repository.count()", [2]),
        ("repository.commit([grant, everything], a, b)", [1]),
    ],
)
def test_the_scan_sees_calls_without_a_grant(source: str, lines: list[int]) -> None:
    assert ungranted(source) == lines


def test_only_the_gate_makes_grants() -> None:
    makers = {str(path.relative_to(ROOT)) for path in SOURCES if makes_grants(path.read_text(encoding="utf-8"))}
    assert makers == {"fhir_server/access/gate.py"}


def test_only_the_hub_itself_writes_without_a_grant() -> None:
    makers = {str(path.relative_to(ROOT)) for path in SOURCES if "by_hub=True" in path.read_text(encoding="utf-8")}
    assert makers == {"fhir_server/interactions/hub_change.py"}


def test_every_call_on_the_store_carries_a_grant() -> None:
    found = {str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := ungranted(path.read_text(encoding="utf-8")))}
    assert not found
