"""SearchParameters of the user's own over HTTP: unknown until the reindex, then like any other; changed, retired, refused."""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from flows.client import Client, Demo, Reply

_numbers = count()


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


@pytest.fixture
def system(hub: Demo) -> Client:
    return hub.as_("system")


@pytest.fixture
def code() -> str:
    return f"own-{next(_numbers)}"


def parameter(code: str, expression: str, kind: str = "string", base: str = "Organization", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "id": code,
        "url": f"https://example.org/fhir/SearchParameter/{code}",
        "name": "Own",
        "status": "active",
        "description": "A parameter of our own",
        "code": code,
        "base": [base],
        "type": kind,
        "expression": expression,
    } | more


def organization(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": id_, "name": f"Zorggroep {id_}"} | more


def reindex(client: Client) -> None:
    started = client.request("POST", "$reindex")
    assert started.status == 202, started.body
    assert started.json["resourceType"] == "OperationOutcome"
    for _ in range(600):
        told = {each["name"]: each.get("valueCode", each.get("valueDecimal")) for each in client.get("$reindex").json["parameter"]}
        if told["phase"] == "none" and "waiting" not in told:
            assert told["done"] > 0
            return
        time.sleep(0.05)
    raise AssertionError(told)


def described(client: Client, type_: str) -> dict[str, Any]:
    resources = client.get("metadata").json["rest"][0]["resource"]
    return next(each for each in resources if each["type"] == type_)


def names(client: Client, type_: str) -> set[str]:
    return {each["name"] for each in described(client, type_)["searchParam"]}


def ids(reply: Reply) -> set[str]:
    assert reply.status == 200, reply.body
    return {resource["id"] for resource in reply.resources}


def test_a_parameter_is_unknown_until_the_reindex_and_then_finds_old_and_new(system: Client, code: str) -> None:
    old, new, bare = (organization(f"{code}-{name}", alias=[f"{name} {code}"]) for name in ("Old", "New", "bare"))
    del bare["alias"]
    system.put(old)
    system.put(bare)
    assert system.put(parameter(code, "Organization.alias")).status == 201
    assert system.put(new).status == 201
    unknown = system.search("Organization", (code, "old"))
    assert (unknown.status, unknown.detail) == (400, "search-parameter-unknown")
    assert code not in names(system, "Organization")
    assert f"Organization.{code}" in [each.get("valueString") for each in system.get("$reindex").json["parameter"]]
    reindex(system)
    assert code in names(system, "Organization")
    assert ids(system.search("Organization", (code, "old"))) == {old["id"]}
    assert ids(system.search("Organization", (code, "new"))) == {new["id"]}
    assert ids(system.search("Organization", (f"{code}:exact", f"Old {code}"))) == {old["id"]}
    assert ids(system.search("Organization", (f"{code}:contains", code))) == {old["id"], new["id"]}
    own = ("_id", ",".join(each["id"] for each in (old, new, bare)))
    assert ids(system.search("Organization", own, (f"{code}:missing", "true"))) == {bare["id"]}
    assert ids(system.search("Organization", own, (f"{code}:missing", "false"))) == {old["id"], new["id"]}
    assert len(system.search("Organization", own).resources) == 3
    system.put(old | {"alias": ["something else"]})
    assert ids(system.search("Organization", (code, "old"))) == set()
    assert ids(system.search("Organization", (code, "something"), own)) == {old["id"]}


def test_a_reference_is_followed_by_chains_has_and_includes(system: Client, code: str) -> None:
    endpoint = {
        "resourceType": "Endpoint",
        "id": f"{code}-e",
        "status": "active",
        "connectionType": {"code": "hl7-fhir-rest"},
        "name": f"Poort {code}",
        "payloadType": [{"text": "any"}],
        "address": "https://example.org/fhir",
    }
    system.put(endpoint)
    system.put(organization(f"{code}-o", endpoint=[{"reference": f"Endpoint/{code}-e"}]))
    definition = parameter(code, "Organization.endpoint", "reference", target=["Endpoint"])
    assert system.put(definition).status == 201
    reindex(system)
    assert f"Organization:{code}" in described(system, "Endpoint")["searchRevInclude"]
    for changed in (False, True):
        if changed:
            assert system.put(definition | {"expression": "Organization.endpoint.where(resolve() is Endpoint)"}).status == 200
            reindex(system)
        assert ids(system.search("Organization", (f"{code}.name", f"poort {code}"))) == {f"{code}-o"}
        assert ids(system.search("Organization", (code, f"Endpoint/{code}-e"))) == {f"{code}-o"}
        assert ids(system.search("Endpoint", (f"_has:Organization:{code}:_id", f"{code}-o"))) == {f"{code}-e"}
        included = system.search("Organization", ("_id", f"{code}-o"), ("_include", f"Organization:{code}"))
        assert included.ids("include") == [f"Endpoint/{code}-e"]
        reverse = system.search("Endpoint", ("_id", f"{code}-e"), ("_revinclude", f"Organization:{code}"))
        assert reverse.ids("include") == [f"Organization/{code}-o"]


def test_a_changed_expression_keeps_the_old_answers_until_it_is_done(hub: Demo, system: Client, code: str) -> None:
    one = organization(f"{code}-1", alias=["Eerste"], contact=[{"name": {"text": "Tweede"}}])
    system.put(one)
    system.put(parameter(code, "Organization.alias"))
    reindex(system)
    assert system.put(parameter(code, "Organization.contact.name.text")).status == 200
    two = one | {"id": f"{code}-2"}
    system.put(two)
    both = {one["id"], two["id"]}
    assert ids(system.search("Organization", (code, "eerste"), ("_id", ",".join(both)))) == both
    assert ids(system.search("Organization", (code, "tweede"))) == set()
    reindex(system)
    assert ids(system.search("Organization", (code, "tweede"), (f"{code}:missing", "false"))) == both
    assert ids(system.search("Organization", (code, "eerste"))) == set()
    states = hub.rows(f"SELECT generation, state FROM search_parameter WHERE code = '{code}' ORDER BY generation")
    assert states == [(1, "retired"), (2, "ready")]
    refused = system.search("Organization", (f"{code}:nonsense", "x"))
    assert f"'{code}'" in refused.json["issue"][0]["details"]["text"]


KINDS = {
    "token": ("Coding", {"valueCoding": {"system": "a", "code": "b"}}, "a|b"),
    "date": ("date", {"valueDate": "2026-03-02"}, "2026-03"),
    "uri": ("uri", {"valueUri": "urn:x:y"}, "urn:x:y"),
}


def test_other_kinds(system: Client, code: str) -> None:
    for kind, (type_, value, _) in KINDS.items():
        url = f"https://example.org/{code}-{kind}"
        system.put(organization(f"{code}-{kind}", extension=[{"url": url, **value}]))
        system.put(organization(f"{code}-{kind}-not", extension=[{"url": f"{url}-not", **value}]))
        expression = f"Organization.extension.where(url='{url}').value.as({type_})"
        made = system.put(parameter(f"{code}-{kind}", expression, kind))
        assert made.status == 201, made.body
    reindex(system)
    for kind, (_, _, told) in KINDS.items():
        assert ids(system.search("Organization", (f"{code}-{kind}", told))) == {f"{code}-{kind}"}
    everywhere = ("_id", f"{code}-date,{code}-uri")
    sorted_ = system.search("Organization", everywhere, ("_sort", f"{code}-date")).resources
    assert [each["id"] for each in sorted_] == [f"{code}-date", f"{code}-uri"]


def test_a_retired_or_deleted_parameter_is_unknown_at_once(system: Client, code: str) -> None:
    system.put(organization(f"{code}-1", alias=["Eerste"]))
    definition = parameter(code, "Organization.alias")
    system.put(definition)
    reindex(system)
    system.put(definition | {"status": "retired"})
    assert system.search("Organization", (code, "x")).status == 400
    assert code not in names(system, "Organization")
    system.put(definition)
    assert system.search("Organization", (code, "x")).status == 400
    reindex(system)
    assert ids(system.search("Organization", (code, "eerste"))) >= {f"{code}-1"}
    assert system.request("DELETE", f"SearchParameter/{code}").status == 204
    assert system.search("Organization", (code, "x")).status == 400


def refusals() -> Iterator[tuple[dict[str, Any], str, str]]:
    yield {"code": "name"}, "SearchParameter.code", "already"
    yield {"code": "with:colon"}, "SearchParameter.code", "letter"
    yield {"type": "composite", "component": []}, "SearchParameter.type", "cannot be added"
    yield {"expression": "Organization.alias.first()"}, "SearchParameter.expression", "outside the grammar"
    yield {"expression": "Organization.nonsense"}, "SearchParameter.expression", "has no"
    yield {"expression": "Organization.active"}, "SearchParameter.expression", "leads to no"
    yield {"expression": "Organization.alias.where(x='y')"}, "SearchParameter.expression", "has no"
    yield {"expression": "Organization.alias.id"}, "SearchParameter.expression", "has no"
    yield {"expression": "Organization." + "contact." * 200}, "SearchParameter.expression", "at most 1,000"
    yield {"expression": None}, "SearchParameter.expression", "needs an expression"
    yield {"base": ["Condition"]}, "SearchParameter.base[0]", "No such type is stored"
    yield {"base": ["Organization", "Account"]}, "SearchParameter.base[1]", "No such type is stored"
    yield {"type": "reference", "expression": "Organization.endpoint"}, "SearchParameter.expression", "target"


def test_what_cannot_be_indexed_is_refused_with_place_and_reason(system: Client, code: str) -> None:
    for change, place, reason in refusals():
        resource = {
            name: value for name, value in (parameter(code, "Organization.alias") | change).items() if value not in (None, [])
        }
        refused = system.put(resource)
        assert refused.status == 422, (change, refused.body)
        found = [(issue["expression"], issue["details"]["text"]) for issue in refused.json["issue"]]
        assert any(place in where and reason in text for where, text in found), (change, found)
        assert system.put(resource | {"status": "draft"}).status in {200, 201}
        patched = system.request(
            "PATCH", f"SearchParameter/{code}", {"status": "active"}, Content_Type="application/merge-patch+json"
        )
        assert patched.status == 422
        system.request("DELETE", f"SearchParameter/{code}")


def test_two_resources_cannot_define_one_code_and_a_transaction_checks_as_well(system: Client, code: str) -> None:
    assert system.put(parameter(code, "Organization.alias")).status == 201
    twin = parameter(code, "Organization.name") | {"id": f"{code}-twin"}
    assert system.put(twin).status == 422
    entry = {"resource": twin, "request": {"method": "POST", "url": "SearchParameter"}}
    refused = system.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert (refused.status, refused.json["issue"][0]["expression"]) == (422, ["Bundle.entry[0].resource.code"])
    entry["resource"] = twin | {"code": f"{code}-b"}
    assert system.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).status == 200
    reindex(system)
    assert {code, f"{code}-b"} <= names(system, "Organization")


def test_only_the_system_reindexes_and_it_is_recorded(hub: Demo, system: Client) -> None:
    for person in ("gp", "client", "daughter"):
        assert hub.as_(person).request("POST", "$reindex").status == 403
        assert hub.as_(person).get("$reindex").status == 403
        assert hub.as_(person).post(parameter("mine", "Organization.alias")).status == 403
    reindex(system)
    lines = hub.rows("SELECT role, interaction, status FROM audit_event WHERE interaction LIKE 'reindex%'")
    assert {("system", "reindex", 202), ("system", "reindex-status", 200), ("practitioner", "reindex", 403)} <= set(lines)
    entry = {"request": {"method": "POST", "url": "$reindex"}}
    batch = system.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert batch.json["entry"][0]["response"]["status"].startswith("405")
    assert system.request("DELETE", "$reindex").status == 405
