"""Mapping rows: read from CSV and checked, so that a table that loads can be executed.

One file per thing that is made; its name is that thing (``MedicationDispense.csv``, ``Medication.ingredient.csv``). Where a format
says the same thing in several ways, each has its table: ``Flag+alert.csv`` makes a Flag too. The columns are

- ``id``: unique in the source format, names the row in explanations;
- ``source``: path in the source, from the element that the table is about (see ``mappings.paths``); empty: that element itself;
- ``when``: condition under which the row applies;
- ``target``: FHIR element (see ``mappings.targets``);
- ``make``: a function, a text between quotes, or ``map:NAME`` for another table (a resource made by it is referred to);
- ``table``: id of a ConceptMap for the function;
- ``note``: for readers.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mappings.functions import Function, Functions
from mappings.paths import Clause, GrammarError, Path, parse_condition, parse_source
from mappings.targets import Step, TargetError, parse_target, root_type
from terminology.concept_maps import ConceptMap, UnknownConceptMap, concept_map

COLUMNS = ("id", "source", "when", "target", "make", "table", "note")


class RowError(ValueError):
    """A table of mapping rows is wrong: ``findings`` say what, each with file and line."""

    def __init__(self, findings: Iterable[str]) -> None:
        """Keep the findings."""
        self.findings = tuple(findings)
        super().__init__("; ".join(self.findings))


@dataclass(frozen=True, slots=True)
class Row:
    """One checked row; exactly one of ``function``, ``literal`` and ``mapping`` is set."""

    id: str
    source: str
    target: str
    paths: tuple[Path, ...]
    clauses: tuple[Clause, ...]
    steps: tuple[Step, ...]
    table: ConceptMap | None
    function: Function | None = None
    literal: str = ""
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that make one thing: ``name`` is a resource type, or the path of an element."""

    name: str
    rows: tuple[Row, ...]

    @property
    def is_resource(self) -> bool:
        """Whether the table makes a resource rather than an element of one."""
        return "." not in self.name


def read_tables(files: Mapping[str, str], functions: Functions) -> dict[str, Table]:
    """Read tables (text of a CSV file by file name) and check them; RowError with everything that is wrong."""
    findings: list[str] = []
    seen: dict[str, str] = {}
    names = {name.removesuffix(".csv") for name in files}
    tables = {}
    for file, text in files.items():
        name = file.removesuffix(".csv")
        root = name.partition("+")[0]
        try:
            root_type(root)
        except TargetError as error:
            findings.append(f"{file}: {error}")
            continue
        rows = []
        for line, cells in _lines(file, text, findings):
            where = f"{file}:{line}"
            if cells["id"] in seen:
                findings.append(f"{where}: the id {cells['id']!r} is also that of {seen[cells['id']]}")
            seen[cells["id"]] = where
            try:
                rows.append(_row(cells, root, names, functions))
            except (GrammarError, TargetError, UnknownConceptMap, ValueError) as error:
                findings.append(f"{where}: {error.args[0] if error.args else error}")
        tables[name] = Table(root, tuple(rows))
    if findings:
        raise RowError(findings)
    return tables


def _lines(file: str, text: str, findings: list[str]) -> Iterable[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text))
    if tuple(next(reader, ())) != COLUMNS:
        findings.append(f"{file}:1: the columns must be {','.join(COLUMNS)}")
        return
    for values in reader:
        if len(values) == len(COLUMNS):
            yield reader.line_num, {name: value.strip() for name, value in zip(COLUMNS, values, strict=True)}
        elif values:
            findings.append(f"{file}:{reader.line_num}: {len(values)} columns instead of {len(COLUMNS)}")


def _row(cells: Mapping[str, str], root: str, names: set[str], functions: Functions) -> Row:
    if not cells["id"]:
        raise ValueError("the row has no id")
    function, literal, mapping = _make(cells["make"], names, functions)
    if function is not None and function.needs_table and not cells["table"]:
        raise ValueError(f"the function {function.name!r} needs a ConceptMap in the column table")
    return Row(
        id=cells["id"],
        source=cells["source"],
        target=cells["target"],
        paths=parse_source(cells["source"]),
        clauses=parse_condition(cells["when"]),
        steps=parse_target(cells["target"], root),
        table=_table(cells["table"]),
        function=function,
        literal=literal,
        mapping=mapping,
    )


def _make(make: str, names: set[str], functions: Functions) -> tuple[Function | None, str, str]:
    if make.startswith("'") and make.endswith("'") and make.strip("'"):
        return None, make[1:-1], ""
    if make.startswith("map:"):
        if make.removeprefix("map:") not in names:
            raise ValueError(f"there is no table {make.removeprefix('map:')!r}")
        return None, "", make.removeprefix("map:")
    if make not in functions.by_name:
        raise ValueError(f"there is no mapping function {make!r}")
    return functions.by_name[make], "", ""


def _table(map_id: str) -> ConceptMap | None:
    try:
        return concept_map(map_id) if map_id else None
    except UnknownConceptMap:
        raise ValueError(f"there is no ConceptMap {map_id!r}") from None
