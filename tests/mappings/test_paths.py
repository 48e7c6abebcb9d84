import pytest

from mappings.paths import GrammarError, parse_condition, parse_source, select
from mappings.tree import parse

ROOT = parse(
    b"""<a xmlns="urn:v3"><b code="1" unit="d"><c>x</c></b><b code="2"><e/></b><d><c>y</c></d></a>""",
    "urn:v3",
)


def found(source: str, when: str = "") -> list[str]:
    return [f"{node.name}{node.value('code')}" for node in select(parse_source(source), parse_condition(when), ROOT)]


@pytest.mark.parametrize(
    ("source", "when", "names"),
    [
        ("", "", ["a"]),
        (".", "", ["a"]),
        ("b", "", ["b1", "b2"]),
        ("b/c", "", ["c"]),
        ("b/@unit", "", ["b1"]),
        ("nothing", "", []),
        ("nothing | d | b", "", ["d"]),
        ("b | d", "c", ["b1"]),
        ("b", "@code = '2'", ["b2"]),
        ("b", "@code != '2'", ["b1"]),
        ("b", "@code in ('2', '3')", ["b2"]),
        ("b", "c", ["b1"]),
        ("b", "not c", ["b2"]),
        ("b", "not e", ["b1", "b2"]),
        ("b", "c = 'x'", ["b1"]),
        ("b", "c != 'x'", ["b2"]),
        ("b", "/d/c = 'y'", ["b1", "b2"]),
        ("b", "not /d", []),
        ("b", "@code = '1' and c", ["b1"]),
        ("b", "@code = '2' and c", []),
        ("b | d", "c = 'y'", ["d"]),
    ],
)
def test_select(source: str, when: str, names: list[str]) -> None:
    assert found(source, when) == names


@pytest.mark.parametrize("text", ["/a", "a//b", "a[1]", "@x/a", "a/..", "a b", "a |", "a/@"])
def test_malformed_paths(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_source(text)


@pytest.mark.parametrize(
    "text", ["a =", "a = b", "a = 'b", "a in 'b'", "a = ('b')", "a or b", "not a = 'b'", "a and", "a < '1'", "a[1]"]
)
def test_malformed_conditions(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_condition(text)
