"""Parameters to a search."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.catalog.catalog import Catalog, load
from fhir_server.errors import BadRequest
from fhir_server.model.bsn import is_bsn
from fhir_server.search import values
from fhir_server.search.parse import parse
from fhir_server.search.search import Include, Search
from fhir_server.search.tree import (
    And,
    Date,
    Everything,
    Id,
    LastUpdated,
    Missing,
    Node,
    Not,
    Or,
    ReferenceTo,
    Sort,
    Text,
    Token,
    Uri,
)

BASE = "https://hub.example/fhir"
TYPES = load().types


def search(type_: str, *parameters: tuple[str, str], strict: bool = True, limit: int = 100, in_url: bool = True) -> Search:
    return parse(TYPES[type_], parameters, strict=strict, base=BASE, limit=limit, in_url=in_url)


def where(type_: str, name: str, value: str) -> Node:
    return search(type_, (name, value)).query.where


def day(text: str) -> tuple[int, int]:
    return tuple(values.span(text))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("CareTeam", "status", "active", Token("status", "active", "")),
        ("CareTeam", "status", "http://hl7.org/fhir/care-team-status|active", Token("status", "active", "")),
        ("CareTeam", "status", "active,inactive", Or((Token("status", "active", ""), Token("status", "inactive", "")))),
        ("CareTeam", "status", "active,active", Or((Token("status", "active", ""),))),
        ("CareTeam", "category", "http://loinc.org|LA1", Token("category", "LA1", "http://loinc.org")),
        ("CareTeam", "category", "|LA1", Token("category", "LA1", "")),
        ("CareTeam", "category", "http://loinc.org|", Token("category", "", "http://loinc.org")),
        ("CareTeam", "category", r"a\|b|c\,d", Token("category", "c,d", "a|b")),
        ("Patient", "active", "true", Token("active", "true", "")),
        ("Patient", "deceased", "false", Token("deceased", "false", "")),
        ("Patient", "phone", "0612", Token("phone", "0612")),
        ("CareTeam", "patient", "1", ReferenceTo("patient", "Patient/1")),
        ("CareTeam", "patient", "Patient/1", ReferenceTo("patient", "Patient/1")),
        ("CareTeam", "patient", f"{BASE}/Patient/1", ReferenceTo("patient", "Patient/1")),
        ("CareTeam", "patient", f"{BASE}/Patient/1/_history/3", ReferenceTo("patient", "Patient/1")),
        (
            "CareTeam",
            "patient",
            "https://hub.example/fhirx/Patient/1",
            ReferenceTo("patient", "https://hub.example/fhirx/Patient/1"),
        ),
        ("CareTeam", "subject", "1", Or((ReferenceTo("subject", "Group/1"), ReferenceTo("subject", "Patient/1")))),
        ("CareTeam", "participant:Practitioner", "7", ReferenceTo("participant", "Practitioner/7")),
        ("CareTeam", "participant:Practitioner", "Practitioner/7", ReferenceTo("participant", "Practitioner/7")),
        ("CareTeam", "participant:identifier", "https://a.example|7", Token("participant:identifier", "7", "https://a.example")),
        ("CareTeam", "participant:identifier", "7", Token("participant:identifier", "7")),
        ("AuditEvent", "entity", "Task/1,Patient/2", Or((ReferenceTo("entity", "Task/1"), ReferenceTo("entity", "Patient/2")))),
        ("CommunicationRequest", "sender-careteam", "t1", ReferenceTo("sender-careteam", "CareTeam/t1")),
        (
            "QuestionnaireResponse",
            "questionnaire",
            r"https://a.example/q\|1.0",
            ReferenceTo("questionnaire", "https://a.example/q|1.0"),
        ),
        ("CareTeam", "status:not", "active", Not(Token("status", "active", ""))),
        ("CareTeam", "status:not", "active,inactive", Not(Or((Token("status", "active", ""), Token("status", "inactive", ""))))),
        ("CareTeam", "status:missing", "true", Missing("status", TYPES["CareTeam"].search["status"].place)),
        ("CareTeam", "date:missing", "false", Not(Missing("date", TYPES["CareTeam"].search["date"].place))),
        ("CareTeam", "patient:missing", "false", Not(Missing("patient", TYPES["CareTeam"].search["patient"].place))),
        ("Patient", "name:missing", "true", Missing("name", TYPES["Patient"].search["name"].place)),
        ("Questionnaire", "url:missing", "true", Missing("url", TYPES["Questionnaire"].search["url"].place)),
        ("Patient", "name", "José", Text("name", "jose")),
        ("Patient", "name:exact", "José", Text("name", "José", "exact")),
        ("Patient", "name:contains", "OSÉ", Text("name", "ose", "contains")),
        ("Questionnaire", "url", "https://a.example/Q", Uri("url", "https://a.example/Q")),
        ("CareTeam", "_id", "a,b,a", Id(("a", "b"))),
        ("CareTeam", "_lastUpdated", "ge2026-05-20", LastUpdated("ge", *day("2026-05-20"))),
        ("CareTeam", "_tag", "urn:x|y", Token("_tag", "y", "urn:x")),
        ("CareTeam", "date", "2026-05-20", Date("date", "eq", *day("2026-05-20"), main=True)),
        ("Observation", "date", "2026-05-20", Date("date", "eq", *day("2026-05-20"), main=True)),
        ("Communication", "sent", "lt2026", Date("sent", "lt", *day("2026"), main=True, point=True)),
        ("Communication", "received", "lt2026", Date("received", "lt", *day("2026"), main=False, point=True)),
    ],
)
def test_a_parameter_becomes_a_node(type_: str, name: str, value: str, expected: Node) -> None:
    assert where(type_, name, value) == expected


def test_parameters_are_joined_by_and() -> None:
    found = search("Task", ("status", "requested"), ("owner", "Practitioner/1"), ("status", "completed")).query
    requested, completed = (Token("status", code, "") for code in ("requested", "completed"))
    assert found.where == And((requested, ReferenceTo("owner", "Practitioner/1"), completed))
    assert (found.type, found.count, found.after) == ("Task", 20, None)


def test_no_parameter_is_every_resource() -> None:
    found = search("Task")
    assert found.query.where == Everything()
    assert (found.total, found.summary, found.count_only, found.includes, found.warnings) == ("", "", False, (), ())


@pytest.mark.parametrize(
    ("type_", "name", "value", "says"),
    [
        ("Task", "colour", "red", "Task has no search parameter 'colour'; it has _id, _lastUpdated"),
        ("Task", "status", "", "'status' has no value"),
        ("Task", "status", "a,,b", "empty value between its commas"),
        ("Task", "status", ",".join(["a"] * 501), "501 values; at most 500"),
        ("Task", "status:text", "x", "modifier ':text' of 'status' is not supported; supported are :missing, :not, :in, :not-in"),
        ("Task", "status:missing", "maybe", "value of 'status:missing' is true or false"),
        ("Task", "status:missing", "true,false", "value of 'status:missing' is true or false"),
        ("Task", "owner:not", "Practitioner/1", "modifier ':not' of 'owner' is not supported"),
        ("Task", "_id:missing", "true", "modifier ':missing' of '_id' is not supported"),
        ("Patient", "name:not", "x", "modifier ':not' of 'name' is not supported; supported are :exact, :contains, :missing"),
        ("Task", "status", "a|b|c", "more than one '|'"),
        ("Patient", "active", "yes", "The value of 'active' is true or false"),
        ("Patient", "active:not", "TRUE", "The value of 'active' is true or false"),
        ("Patient", "deceased", "true,no", "The value of 'deceased' is true or false"),
        ("Task", "code", "|", "neither a system nor a code"),
        ("Task", "owner:Location", "1", "modifier ':Location' of 'owner' is not supported; supported are :identifier"),
        ("Task", "owner:Patient", "Practitioner/1", "points to another type"),
        ("Task", "owner", "a b", "is no id, Type/id or URL"),
        ("Task", "focus", "1", "may point to many types; write it as Type/id"),
        ("Task", "authored-on", "yesterday", "The value of 'authored-on' is no date"),
        ("Task", "authored-on", "2026-13-01", "The value of 'authored-on' is no date"),
        ("Task", "_lastUpdated", "x", "The value of '_lastUpdated' is no date"),
        ("Task", "_id:exact", "x", "modifier ':exact' of '_id'"),
        ("Task", "owner.name", "x", "Chained parameters and '_has' are not supported here"),
        ("Task", "owner:Practitioner.name", "x", "Chained parameters and '_has' are not supported here"),
        ("Task", "_has:Task:focus:status", "x", "Chained parameters and '_has' are not supported here"),
        ("Task", "_filter", "x", "'_filter' is not supported"),
        ("Task", "_contained", "true", "'_contained' is not supported"),
        ("Task", "_query", "x", "'_query' is not supported"),
        ("Task", "_revinclude", "Task:focus", "'_revinclude' is not supported"),
        ("Task", "_count", "abc", "'_count' is not a whole number"),
        ("Task", "_count", "-1", "'_count' is not a whole number"),
        ("Task", "_count", "", "'_count' is not a whole number"),
        (
            "Task",
            "_sort",
            "code",
            "can be sorted by: authored-on, _lastUpdated, _id, due, modified, period, priority, status .with",
        ),
        ("Task", "_sort", "authored-on,code", "Task can be sorted by: "),
        ("Task", "_sort", "status,", "Task can be sorted by: "),
        ("Task", "_sort", "--status", "Task can be sorted by: "),
        ("Task", "_sort", "status,-status", "names 'status' twice"),
        ("Task", "_total", "some", "'_total' can be none, estimate, accurate"),
        ("Task", "_summary", "some", "'_summary' can be true, text, data, count, false"),
        ("Task", "_include", "Task:status", "'_include' of Task can be Task:.*, Task:based-on"),
        ("Task", "_include", "CareTeam:participant", "'_include' of Task can be"),
        ("Task", "_include", "Task:patient:Practitioner", "Task:patient points to Patient"),
        ("Task", "_include:iterate", "Task:patient", "'_include' takes no modifier"),
        ("Task", "_elements", "status,", "'_elements' is a list"),
        ("Patient", "name", "\u0301", "contains nothing to compare"),
    ],
)
def test_what_is_not_understood_is_refused(type_: str, name: str, value: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        where(type_, name, value)


def test_lenient_handling_ignores_the_unknown_and_says_so() -> None:
    found = search("Task", ("colour", "purple"), ("status", "requested"), strict=False)
    assert found.query.where == Token("status", "requested", "")
    assert [(issue.severity, issue.code) for issue in found.warnings] == [("warning", "not-supported")]
    assert "'colour'" in found.warnings[0].text
    assert "purple" not in found.warnings[0].text
    assert found.parameters == (("status", "requested"),)


def test_lenient_handling_does_not_drop_what_is_known_and_wrong() -> None:
    with pytest.raises(BadRequest):
        search("Task", ("authored-on", "yesterday"), strict=False)
    with pytest.raises(BadRequest):
        search("Task", ("_filter", "x"), strict=False)


def test_an_unknown_parameter_with_an_underscore_is_warned_about() -> None:
    found = search("Task", ("_cacheBuster", "17"))
    assert found.query.where == Everything()
    assert "'_cacheBuster'" in found.warnings[0].text


@pytest.mark.parametrize(
    ("value", "limit", "count", "count_only"),
    [("5", 100, 5, False), ("500", 100, 100, False), ("5000", 1000, 1000, False), ("0", 100, 0, True)],
)
def test_count_is_bounded(value: str, limit: int, count: int, *, count_only: bool) -> None:
    found = search("Task", ("_count", value), limit=limit)
    assert (found.query.count, found.count_only) == (count, count_only)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("Task", "authored-on", Sort("main", descending=False)),
        ("Task", "-authored-on", Sort("main", descending=True)),
        ("Task", "_lastUpdated", Sort("_lastUpdated", descending=False)),
        ("Patient", "birthdate", Sort("date", descending=False, param="birthdate")),
        ("Task", "-period", Sort("date", descending=True, param="period")),
        ("Patient", "-_lastUpdated", Sort("_lastUpdated", descending=True)),
        ("Patient", "-_id", Sort("_id", descending=True)),
        ("Patient", "family", Sort("string", descending=False, param="family")),
        (
            "Task",
            "status,-authored-on,_id",
            Sort("token", False, "status", (Sort("date", True, "authored-on"), Sort("_id", descending=False))),
        ),
    ],
)
def test_sort(type_: str, value: str, expected: Sort) -> None:
    assert search(type_, ("_sort", value)).query.sort == expected


def test_the_newest_come_first_unless_said_otherwise() -> None:
    assert search("Task").query.sort == Sort("main", descending=True)


def test_what_shapes_the_answer_is_read() -> None:
    found = search(
        "CareTeam",
        ("_include", "CareTeam:participant:Practitioner"),
        ("_include", "*"),
        ("_elements", "status,name"),
        ("_total", "none"),
    )
    assert found.includes == (Include("CareTeam", "participant", "Practitioner"), Include("CareTeam", "*"))
    assert (found.elements, found.total) == (("status", "name"), "none")


def test_summary_count_is_only_counted() -> None:
    found = search("CareTeam", ("_summary", "count"))
    assert (found.summary, found.count_only, found.query.count) == ("count", True, 20)


def test_a_result_parameter_is_given_once() -> None:
    with pytest.raises(BadRequest, match="'_count' is given twice"):
        search("Task", ("_count", "5"), ("_count", "6"))


def test_the_self_link_holds_what_was_used() -> None:
    given_ = (("status", "requested"), ("_format", "json"), ("_pretty", "true"), ("_count", "5"), ("_sort", "-authored-on"))
    assert search("Task", *given_).parameters == (("status", "requested"), ("_count", "5"), ("_sort", "-authored-on"))


def test_a_page_token_is_handed_on() -> None:
    assert search("Task", ("_page", "abc")).page == "abc"


def test_every_search_of_the_catalogue_takes_the_common_parameters(catalog: Catalog) -> None:
    for entry in catalog.types.values():
        assert parse(entry, [("_id", "a"), ("_lastUpdated", "2026"), ("_profile", "http://x.example/p")]).query.type == entry.name


BSN = "http://fhir.nl/fhir/NamingSystem/bsn"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("999911120", True),
        ("999911144", True),
        ("999911121", False),
        ("000000000", False),
        ("11122233", False),
        ("9999111200", False),
        ("\uff11" * 9, False),
    ],
)
def test_the_eleven_test(text: str, *, expected: bool) -> None:
    assert is_bsn(text) is expected


@pytest.mark.parametrize("value", ["999911120", f"{BSN}|999911120", "|999911120", "https://a.example|1,999911120"])
@pytest.mark.parametrize("name", ["identifier", "organization:identifier"])
def test_a_bsn_in_a_url_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(BadRequest, match=r"POST .type./_search") as caught:
        where("Patient", name, value)
    assert "999911120" not in caught.value.text
    assert caught.value.issues[0].detail == "bsn-in-url"


def test_a_bsn_in_a_form_is_accepted() -> None:
    names = (BSN, "urn:oid:2.16.840.1.113883.2.4.6.3")
    expected = Or(tuple(Token("identifier", "999911120", each) for each in names))
    assert search("Patient", ("identifier", f"{BSN}|999911120"), in_url=False).query.where == expected


@pytest.mark.parametrize("value", ["https://a.example/big|999911120", "999911121", f"{BSN}|1"])
def test_other_identifiers_may_stand_in_a_url(value: str) -> None:
    assert isinstance(where("Patient", "identifier", value), Token | Or)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12),
    st.none() | st.text("a|,\\$:/", max_size=8),
)
def test_an_escaped_token_is_read_as_it_was(code: str, system: str | None) -> None:
    value = values.escape(code) if system is None else f"{values.escape(system)}|{values.escape(code)}"
    assert search("CareTeam", ("category", value)).query.where == Token("category", code, system)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_read_or_refused(name: str, value: str) -> None:
    for type_ in ("Patient", "Task"):
        with suppress(BadRequest):
            assert search(type_, (name, value)).query.type == type_
