"""What the server serves and writes of its own is defined in what it publishes."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.sources import ROOT, modules, nodes, tree

from fhir_server import errors
from fhir_server.operations.registry import REGISTERED, Operation
from fhir_server.validation import check
from profiles import operations
from profiles.conformance import conformance

OWN = re.compile(r"(?:https://netwerkdossier\.example/fhir|\{CANONICAL\})/(StructureDefinition|CodeSystem)/([a-z][a-z-]*)")
OF_THE_RECORD = re.compile(r'_OWN \+ "([a-z-]+)"')
CODE = re.compile(r"^[a-z_-]+$")
READS = {"one", "all", "text", "reference", "required"}
TAKE_A_RESOURCE = {"what-if", "validate"}
SERVED = {(each.type, each.code): each for each in REGISTERED}
REFUSING = {"refused", "unproven"}  # what refuses a token: the code comes first
NOT_TOLD = {"denied", "withdrawn", "token-nonce"}  # in the record, of pages, and in no OperationOutcome


def published(type_: str) -> set[str]:
    return set(conformance()[type_])


@pytest.mark.parametrize("operation", SERVED.values(), ids=lambda each: f"{each.type}-{each.code}")
def test_each_operation_has_a_definition_that_is_valid(operation: Operation) -> None:
    definition = json.loads(conformance()["OperationDefinition"][operation.code])
    check(definition)
    assert definition["url"] == operation.definition
    assert definition["code"] == operation.code
    assert operation.type in (definition.get("resource") or [""])
    assert (definition["instance"], definition["system"]) == (bool(operation.type), not operation.type)
    if definition["affectsState"]:
        assert "POST" in operation.methods
    else:
        assert operation.methods.keys() & {"GET"} or operation.code in TAKE_A_RESOURCE


def test_nothing_is_defined_that_is_not_served() -> None:
    defined = {(type_, code) for code in operations.codes() for type_ in operations.types_of(code) or ("",)}
    assert defined == set(SERVED)


def test_each_parameter_that_an_operation_reads_is_declared() -> None:
    known = {name for code in operations.codes() for name in operations.takes(code)}
    read = {name for path in (ROOT / "fhir_server" / "operations").glob("*.py") for name in _read_in(tree(path))}
    assert read - known == set()


def _read_in(module: ast.Module) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS and node.args:
            holder, name = node.func.value, node.args[0]
            if isinstance(holder, ast.Name) and holder.id in {"given", "parts"} and isinstance(name, ast.Constant):
                yield str(name.value)


@pytest.mark.parametrize("type_", ["StructureDefinition", "CodeSystem", "ConceptMap", "OperationDefinition", "ValueSet"])
def test_what_is_published_is_valid(type_: str) -> None:
    for id_, text in conformance()[type_].items():
        resource = json.loads(text)
        check(resource)
        assert resource["id"] == id_


def test_each_extension_and_code_system_of_our_own_is_published() -> None:
    files = [
        *modules(ROOT, ("fhir_server", "adapters", "mappings")),
        *(ROOT / "profiles").rglob("*.json"),
        *(ROOT / "profiles").rglob("*.toml"),
    ]
    named = {found for path in files for found in OWN.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 30
    missing = sorted(f"{type_}/{id_}" for type_, id_ in named if id_ not in published(type_))
    assert missing == [], "put them in profiles/own"
    record = (ROOT / "fhir_server" / "audit" / "codes.py").read_text(encoding="utf-8")
    assert set(OF_THE_RECORD.findall(record)) <= published("CodeSystem")


def test_each_code_of_an_error_is_published() -> None:
    listed = {each["code"] for each in json.loads(conformance()["CodeSystem"]["error-code"])["concept"]}
    written = {code for path in modules(ROOT, ("fhir_server",)) for code in _details(path)}
    own = {each.detail for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.FhirError)}
    assert (written | own) - listed - NOT_TOLD == set(), "put them in profiles/own/CodeSystem-error-code.json"


def _details(path: Path) -> Iterator[str]:
    for node in nodes(tree(path)):
        if isinstance(node, ast.keyword) and node.arg == "detail" and isinstance(node.value, ast.Constant):
            yield from CODE.findall(str(node.value.value))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSING:
            first = (str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant))
            yield from (each for each in first if CODE.fullmatch(each))
