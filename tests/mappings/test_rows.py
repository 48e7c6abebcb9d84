from collections.abc import Iterable

import pytest

from mappings.functions import Call, Functions
from mappings.rows import COLUMNS, RowError, Table, read_tables
from mappings.tree import Node

HEAD = ",".join(COLUMNS)
FUNCTIONS = Functions()


@FUNCTIONS.each("plain")
def plain(node: Node, _call: Call) -> str:
    return node.text


@FUNCTIONS.each("coded", needs_table=True)
def coded(node: Node, _call: Call) -> str:
    return node.text


def read(*lines: str, file: str = "Patient.csv", others: Iterable[tuple[str, str]] = ()) -> dict[str, Table]:
    return read_tables({file: "\n".join([HEAD, *lines]), **dict(others)}, FUNCTIONS)


def test_good_rows() -> None:
    table = read(
        "a,name,,Patient.name.text,plain,,a note",
        "b,,@x = '1',Patient.gender,'female',,",
        "c,code,,Patient.gender,coded,v3-gender-to-administrative-gender,",
        "d,org,,Patient.managingOrganization,map:Organization,,",
        others=[("Organization.csv", HEAD)],
    )["Patient"]
    assert [row.id for row in table.rows] == ["a", "b", "c", "d"]
    assert table.rows[1].literal == "female"
    assert table.rows[2].table is not None
    assert table.rows[3].mapping == "Organization"


def test_several_tables_for_one_type() -> None:
    tables = read(
        "a,name,,Patient.name.text,plain,,",
        others=[
            ("Patient+role.csv", f"{HEAD}\nb,title,,Patient.name.text,plain,,\nc,org,,Patient.managingOrganization,map:Patient,,")
        ],
    )
    assert {name: (table.name, table.is_resource, len(table.rows)) for name, table in tables.items()} == {
        "Patient": ("Patient", True, 1),
        "Patient+role": ("Patient", True, 2),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,x,,Patient.nickname,plain,,", "no element 'nickname'"),
        ("a,x,,Practitioner.name,plain,,", "does not begin with"),
        ("a,x,,Patient.gender,magic,,", "no mapping function 'magic'"),
        ("a,x,,Patient.gender,plain,no-such-map,", "no ConceptMap 'no-such-map'"),
        ("a,x,,Patient.gender,coded,,", "needs a ConceptMap"),
        ("a,x,,Patient.managingOrganization,map:Nothing,,", "no table 'Nothing'"),
        ("a,x,y <> z,Patient.gender,plain,,", "not a condition"),
        ("a,x[1],,Patient.gender,plain,,", "not a path"),
        (",x,,Patient.gender,plain,,", "no id"),
        ("a,x,,Patient.gender,plain", "5 columns"),
    ],
)
def test_bad_rows_are_refused_with_file_and_line(line: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        read("ok,x,,Patient.active,plain,,", line)
    assert len(caught.value.findings) == 1
    assert caught.value.findings[0].startswith("Patient.csv:3: ")
    assert reason in caught.value.findings[0]


def test_an_id_is_unique_over_all_tables() -> None:
    with pytest.raises(RowError, match=r"Organization.csv:2: the id 'a' is also that of Patient.csv:2"):
        read("a,x,,Patient.active,plain,,", others=[("Organization.csv", f"{HEAD}\na,x,,Organization.name,plain,,")])


def test_a_file_is_named_after_what_it_makes() -> None:
    with pytest.raises(RowError, match=r"Medicine.csv: 'Medicine' is not a FHIR R4 type"):
        read(file="Medicine.csv")


def test_the_columns_are_fixed() -> None:
    with pytest.raises(RowError, match=r"Patient.csv:1: the columns must be id,source"):
        read_tables({"Patient.csv": "id,target\n"}, FUNCTIONS)


def test_all_findings_at_once() -> None:
    with pytest.raises(RowError) as caught:
        read("a,x,,Patient.nickname,plain,,", "b,x,,Patient.gender,magic,,")
    assert len(caught.value.findings) == 2


def test_functions_have_unique_names() -> None:
    with pytest.raises(ValueError, match="two mapping functions are called 'plain'"):
        Functions([FUNCTIONS, FUNCTIONS])
