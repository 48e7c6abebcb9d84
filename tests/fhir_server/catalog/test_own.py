"""Parameters of the user's own against a plain model: what is searched by after any series of changes and reindexes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.catalog import catalog, own
from fhir_server.catalog.catalog import Catalog
from fhir_server.catalog.registered import Registered

TYPES = catalog.load().types
EXPRESSIONS = ("Organization.alias", "Organization.contact.name.text", "Organization.address.city")


def wanted(code: str, expression: str) -> Registered:
    return Registered("Organization", code, 1, "building", f"id-{code}", "string", expression, "", f"https://example.org/{code}", 0)


step = st.one_of(
    st.tuples(st.just("define"), st.sampled_from(["one", "two"]), st.sampled_from(EXPRESSIONS)),
    st.tuples(st.just("remove"), st.sampled_from(["one", "two"]), st.just("")),
    st.tuples(st.sampled_from(["begin", "end"]), st.just(""), st.just("")),
)


@given(st.lists(step, max_size=25))
def test_searches_know_what_the_last_finished_reindex_was_begun_for(steps: list[tuple[str, str, str]]) -> None:
    defined: dict[str, str] = {}
    searched: dict[str, str] = {}
    registered: list[Registered] = []
    begun: list[Registered] = []
    for what, code, expression in steps:
        if what == "define":
            defined[code] = expression
        elif what == "remove":
            defined.pop(code, None)
            searched.pop(code, None)
        elif what == "begin":
            begun = registered
        else:
            before = {(one.code, one.generation) for one in begun if one.state == "building"}
            live = [one for one in registered if one.state == "building" and (one.code, one.generation) in before]
            searched |= {one.code: one.expression for one in live}
            registered = own.built(registered, begun)
        registered = own.planned(registered, [wanted(*each) for each in defined.items()], TYPES)
        known = Catalog(TYPES)
        own.join(known, TYPES, registered)
        found = {code: one.expression for code, one in known.types["Organization"].search.items() if code in {"one", "two"}}
        assert found == searched
        indexed = known.indexing("Organization").search.values()
        assert {(code, each) for code, each in [*searched.items(), *defined.items()]} <= {
            (one.code, one.expression) for one in indexed
        }
        keys = [(one.code, one.generation) for one in registered]
        assert len(keys) == len(set(keys))
        assert len({one.index_code for one in indexed}) == len(indexed)


def test_a_generation_is_never_used_again() -> None:
    first = own.planned([], [wanted("one", EXPRESSIONS[0])], TYPES)
    gone = own.planned(first, [], TYPES)
    again = own.planned(gone, [wanted("one", EXPRESSIONS[0])], TYPES)
    assert [(one.generation, one.state) for one in again] == [(1, "retired"), (2, "building")]


def test_another_url_alone_needs_no_reindex() -> None:
    ready = own.built(found := own.planned([], [wanted("one", EXPRESSIONS[0])], TYPES), found)
    moved = replace(wanted("one", EXPRESSIONS[0]), url="https://example.org/elsewhere")
    assert own.planned(ready, [moved], TYPES) == [replace(ready[0], url=moved.url)]


def test_of_two_with_one_code_the_first_counts() -> None:
    other = replace(wanted("one", EXPRESSIONS[1]), id="later")
    assert own.planned([], [wanted("one", EXPRESSIONS[0]), other], TYPES) == [wanted("one", EXPRESSIONS[0])]


def test_what_the_catalogue_has_by_now_is_left_to_it() -> None:
    known = Catalog(TYPES)
    own.join(known, TYPES, [replace(wanted("name", EXPRESSIONS[0]), state="ready")])
    assert known.types == TYPES


def test_so_many_and_no_more() -> None:
    registered = [replace(wanted(f"c{number}", EXPRESSIONS[0]), id=f"c{number}") for number in range(own.MOST)]
    known = Catalog(TYPES)
    own.join(known, TYPES, registered)
    resource = {"status": "active", "code": "more", "base": ["Organization"], "type": "string", "expression": EXPRESSIONS[0]}
    assert [each.expression for each in own.faults(resource, "new", known)] == ["SearchParameter.base[0]"]
    assert not list(own.faults(resource | {"code": "c3"}, "c3", known))


def test_hostile_definitions_are_refused() -> None:
    known = Catalog(TYPES)
    resource = {"status": "active", "code": "own", "base": ["Questionnaire"], "type": "string", "url": "https://example.org/x"}
    deep = "Questionnaire" + ".item" * 12 + ".text"
    printed = "Questionnaire.extension.where(url='a\x00b').value.as(string)"
    for expression, reason in ((deep, "more than 10 steps"), (printed, "cannot be printed"), ("(" * 500, "outside")):
        (issue,) = own.faults(resource | {"expression": expression}, "x", known)
        assert reason in issue.text or "leads to no" in issue.text, issue
    nulls = resource | {"base": [None, "Questionnaire"], "expression": "Questionnaire.title"}
    assert not list(own.faults(nulls, "x", known))
    points = resource | {"type": "reference", "expression": "Questionnaire.derivedFrom.where(resolve() is Questionnaire)"}
    (issue,) = own.faults(points, "x", known)
    assert "no reference" in issue.text
