"""The CapabilityStatement is true, item by item: what it declares works, and what it does not declare is refused.

Everything is derived from the statement as it is served, so that nothing can be added to one of the two alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from flows.client import JSON, Client, Demo, Reply, demo
from flows.minimal import minimal

from fhir_server.catalog import catalog
from fhir_server.validation import validate
from profiles.definitions import compartment, resource_types, search_parameters

Resource = Mapping[str, Any]
MERGE: Final = {"Content_Type": "application/merge-patch+json"}
TOLD_BY_GET: Final = {"reindex", "access-notices"}
"""Started or switched by POST; GET tells how it is."""
IN_A_URL: Final = {"validate-code", "lookup", "translate"}
"""Asked by GET with a code and its system; a Coding or CodeableConcept instead needs a body."""
TYPES: Final = catalog.load().types
VALUES: Final = {
    "date": "2026-01-01",
    "number": "1",
    "quantity": "1",
    "reference": "DocumentReference/x",
    "special": "52.1|5.1|10|km",
    "string": "x",
    "token": "x",
    "uri": "urn:x",
}
INTERACTIONS: Final[Mapping[str, Callable[[Client, str, str], Reply]]] = {
    "create": lambda client, type_, _: client.post(minimal(type_)),
    "read": lambda client, type_, id_: client.get(f"{type_}/{id_}"),
    "vread": lambda client, type_, id_: client.get(f"{type_}/{id_}/_history/1"),
    "update": lambda client, type_, id_: client.put({**minimal(type_), "id": id_, "language": "nl"}),
    "patch": lambda client, type_, id_: client.request("PATCH", f"{type_}/{id_}", {"language": "en"}, **MERGE),
    "history-instance": lambda client, type_, id_: client.get(f"{type_}/{id_}/_history?_count=1"),
    "history-type": lambda client, type_, _: client.get(f"{type_}/_history?_count=1"),
    "search-type": lambda client, type_, id_: client.get(f"{type_}?_id={id_}{of_patient(type_)}"),
    "delete": lambda client, type_, id_: client.request("DELETE", f"{type_}/{id_}"),
}
SYSTEM: Final[Mapping[str, Callable[[Client], Reply]]] = {
    "batch": lambda client: client.request("POST", "/fhir", {"resourceType": "Bundle", "type": "batch"}),
    "transaction": lambda client: client.request("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction"}),
    "search-system": lambda client: client.get("/fhir?_type=Patient&_count=1"),
    "history-system": lambda client: client.get("/fhir/_history?_count=1"),
}
PATCHES: Final[Mapping[str, bytes]] = {
    "application/json-patch+json": b'[{"op":"add","path":"/language","value":"de"}]',
    "application/merge-patch+json": b'{"language":"fr"}',
    "application/json": b'{"language":"it"}',
    "application/fhir+json": b"""{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
        {"name":"type","valueCode":"replace"},{"name":"path","valueString":"Location.name"},
        {"name":"value","valueString":"Twee"}]}]}""",
    "application/fhir+xml": b"""<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
        <part><name value="type"/><valueCode value="replace"/></part>
        <part><name value="path"/><valueString value="Location.name"/></part>
        <part><name value="value"/><valueString value="Drie"/></part></parameter></Parameters>""",
}
federated: set[str] = set()
published: set[str] = set()


def of_patient(type_: str) -> str:
    """Return what every search of a type that the sources hold must say."""
    return "&patient=ansje" if type_ in federated - published else ""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run a demo for these tests alone: they leave resources of every type. What is declared does not depend on the engine."""
    with demo(tmp_path_factory.mktemp("hub-capabilities") / "data") as running:
        yield running


@pytest.fixture
def statement(hub: Demo) -> dict[str, Any]:
    served: dict[str, Any] = Client(hub.port).get("metadata").json
    federated.update(each["type"] for each in served["rest"][0]["resource"] if each["versioning"] == "no-version")
    published.update(each["type"] for each in served["rest"][0]["resource"] if "of itself" in each["documentation"])
    return served


@pytest.fixture
def rest(statement: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = statement["rest"][0]
    return found


@pytest.fixture
def declared(rest: dict[str, Any]) -> list[Resource]:
    found: list[Resource] = rest["resource"]
    assert federated < {each["type"] for each in found}
    return found


def codes(resource: Resource) -> set[str]:
    return {each["code"] for each in resource.get("interaction", [])}


def searched(declared: list[Resource]) -> Iterator[tuple[str, Resource]]:
    return ((each["type"], each) for each in declared if "search-type" in codes(each))


def made(client: Client, type_: str) -> str:
    """Return the id of a new resource of ``type_``."""
    reply = client.post(minimal(type_))
    assert reply.status == 201, (type_, reply.body)
    return str(reply.json["id"])


def refused(reply: Reply, *statuses: int) -> bool:
    return reply.status in statuses and reply.json["resourceType"] == "OperationOutcome"


def test_the_statement_is_valid(statement: dict[str, Any]) -> None:
    assert validate(statement) == []
    assert statement["fhirVersion"] == "4.0.1"


def test_each_interaction_on_each_type(hub: Demo, declared: list[Resource]) -> None:
    system, wrong = hub.as_("system"), []
    for resource in declared:
        type_, able = resource["type"], codes(resource)
        id_ = made(system, type_) if "create" in able else "unknown"
        for code, ask in INTERACTIONS.items():
            reply = ask(system, type_, id_)
            if code not in able:
                right = refused(reply, 405)
            elif type_ in federated and code == "read":
                right = refused(reply, 404) and reply.detail == "unknown-resource"
            elif code == "search-type":
                right = works(reply)
            else:
                right = reply.status in {200, 201, 204}
            if not right:
                wrong.append((type_, code, reply.status, reply.body[:200]))
        if "delete" in able and not refused(system.get(f"{type_}/{id_}"), 410):
            wrong.append((type_, "read of what was deleted", 0, b""))
    assert wrong == []


def test_no_other_type(hub: Demo, declared: list[Resource]) -> None:
    others = sorted(resource_types() - {each["type"] for each in declared})
    assert others
    assert [type_ for type_ in others if not refused(hub.as_("system").get(type_), 404)] == []


def test_each_interaction_on_the_whole(hub: Demo, rest: dict[str, Any]) -> None:
    able = {each["code"] for each in rest["interaction"]}
    assert able <= SYSTEM.keys()
    for code, ask in SYSTEM.items():
        reply = ask(hub.as_("system"))
        assert reply.status == 200 if code in able else refused(reply, 400, 404, 405), (code, reply.status)


def value(parameter: Resource, type_: str) -> str:
    facts = search_parameters(type_)
    fact = facts.get(parameter["name"])
    if parameter["type"] == "composite" and fact:
        types = {each.url: each.type for each in facts.values()}
        return "$".join(VALUES[types[url]] for url, _ in fact.components)
    known = TYPES[type_].search.get(parameter["name"])
    if known is not None and known.is_boolean:
        return "true"
    if parameter["type"] != "reference":
        return VALUES[parameter["type"]]
    targets = fact.targets if fact else ()
    return "Patient/ansje" if not targets or "Patient" in targets else f"{targets[0]}/x"


def failing(hub: Demo, requests: Iterable[tuple[str, str, Callable[[Reply], bool]]]) -> list[tuple[str, int, str]]:
    """Return those of the requests (type, query, whether an answer is right) that are not answered as they should be."""

    def ask(request: tuple[str, str, Callable[[Reply], bool]]) -> list[tuple[str, int, str]]:
        type_, query, is_right = request
        reply = hub.as_("system").get(f"{type_}?{query}{of_patient(type_)}")
        return [] if is_right(reply) else [(f"{type_}?{query}", reply.status, reply.body[:300].decode())]

    # The record before all others: each of their answers makes it longer, and whatever is asked of it goes through all of it.
    in_order = sorted(requests, key=lambda request: request[0] != "AuditEvent")
    with ThreadPoolExecutor(8) as threads:
        return [each for found in threads.map(ask, in_order) for each in found]


def works(reply: Reply) -> bool:
    """Tell whether a search was carried out.

    Some types at the sources are open to no role yet: that is said only once the question itself has been understood.
    """
    if refused(reply, 403):
        return reply.detail == "not-permitted" and b"may not ask source systems" in reply.body
    return reply.status == 200 and reply.json["type"] == "searchset"


def is_refused(reply: Reply) -> bool:
    return refused(reply, 400)


def is_refused_or_told(reply: Reply) -> bool:
    """Tell whether a parameter was refused, or, as one that begins with "_" may be, left aside with a word about it."""
    return refused(reply, 400) or b"search-parameter-unknown" in reply.body


def test_each_search_parameter(hub: Demo, rest: dict[str, Any], declared: list[Resource]) -> None:
    requests: list[tuple[str, str, Callable[[Reply], bool]]] = []
    for type_, resource in searched(declared):
        own, common = resource.get("searchParam", []), rest.get("searchParam", [])
        of_value = {each["name"]: f"{each['name']}={value(each, type_)}" for each in [*common, *own]}
        is_there = {each["name"]: f"{each['name']}:missing=false" for each in own if each["type"] != "special"}
        if type_ in federated - published:  # each question makes the sources tell all they have: both are asked at once
            of_value |= {name: f"{query}&{of_value[name]}" for name, query in is_there.items()}
            is_there = {}
        requests += [(type_, query, works) for query in (*of_value.values(), *is_there.values())]
        others = sorted(search_parameters(type_).keys() - {each["name"] for each in [*common, *own]})
        requests += [
            (type_, f"{name}=x", is_refused_or_told if name.startswith("_") else is_refused) for name in (*others, "nonsense")
        ]
    assert failing(hub, requests) == []


def test_each_parameter_has_its_canonical_definition(rest: dict[str, Any], declared: list[Resource]) -> None:
    for resource in declared:
        facts = search_parameters(resource["type"])
        for parameter in [*resource.get("searchParam", []), *rest.get("searchParam", [])]:
            url, fact = parameter["definition"], facts.get(parameter["name"])
            of_others = url.startswith(("http://", "https://", "urn:")) and not url.startswith("http://hl7.org/fhir/")
            assert of_others or (fact and (url, parameter["type"]) == (fact.url, fact.type)), (resource["type"], parameter)
        names = [each["name"] for each in resource.get("searchParam", [])]
        assert len(set(names)) == len(names)


def test_each_include_and_revinclude(hub: Demo, declared: list[Resource]) -> None:
    requests: list[tuple[str, str, Callable[[Reply], bool]]] = []
    for type_, resource in searched(declared):
        forward, reverse = resource.get("searchInclude", []), resource.get("searchRevInclude", [])
        requests += [(type_, f"_include={each}&_count=1", works) for each in forward]
        requests += [(type_, f"_revinclude={each}&_count=1", works) for each in reverse]
        others = {f"{type_}:{each['name']}" for each in resource.get("searchParam", [])} - {*forward}
        requests += [(type_, f"_include={each}", is_refused) for each in (*others, "Nonsense:patient")]
        requests += [(type_, f"_revinclude={each}", is_refused) for each in ("Location:nonsense", "Nonsense:patient")]
    assert failing(hub, requests) == []


def test_what_is_declared_of_conditions(hub: Demo, declared: list[Resource]) -> None:
    system = hub.as_("system")
    for resource in declared:
        type_, able = resource["type"], codes(resource)
        if "create" not in able:
            assert not {"conditionalCreate", "conditionalUpdate", "conditionalDelete", "updateCreate"} & resource.keys()
            continue
        id_ = made(system, type_)
        body = {**minimal(type_), "language": "nl"}
        for flag, code, done, reply in (
            ("conditionalCreate", "create", 200, system.post(body, If_None_Exist=f"_id={id_}")),
            ("conditionalUpdate", "update", 200, system.request("PUT", f"{type_}?_id={id_}", body)),
            ("updateCreate", "update", 201, system.put({**body, "id": f"{id_[:50]}-new"})),
            ("conditionalDelete", "delete", 204, system.request("DELETE", f"{type_}?_id={id_}")),
        ):
            if resource.get(flag):
                assert (code in able, reply.status) == (True, done), (type_, flag)
            else:
                assert refused(reply, 400, 405), (type_, flag, reply.status)
        assert resource.get("conditionalDelete", "single") == "single"


def test_a_conditional_delete_is_of_a_single_resource(hub: Demo, declared: list[Resource]) -> None:
    assert next(each for each in declared if each["type"] == "Location")["conditionalDelete"] == "single"
    system = hub.as_("system")
    ids = [made(system, "Location") for _ in range(2)]
    assert refused(system.request("DELETE", f"Location?_id={','.join(ids)}"), 412)
    assert [system.get(f"Location/{id_}").status for id_ in ids] == [200, 200]


def test_what_is_declared_of_versions(hub: Demo, declared: list[Resource]) -> None:
    system = hub.as_("system")
    for resource in declared:
        type_, able = resource["type"], codes(resource)
        assert resource.get("readHistory", False) == ("vread" in able)
        assert (resource["versioning"] == "versioned") == ("create" in able)
        if "create" not in able:
            assert resource["conditionalRead"] == "not-supported"
            continue
        assert resource["conditionalRead"] == "full-support"
        id_ = made(system, type_)
        first = system.get(f"{type_}/{id_}", Accept=JSON)
        assert (first.headers["etag"], first.json["meta"]["versionId"]) == ('W/"1"', "1")
        assert system.get(f"{type_}/{id_}", If_None_Match='W/"1"').status == 304
        assert system.get(f"{type_}/{id_}", If_Modified_Since=first.headers["last-modified"]).status == 304
        if "update" in able:
            assert system.put({**minimal(type_), "id": id_, "language": "nl"}).headers["etag"] == 'W/"2"'
        if resource["readHistory"]:
            assert system.get(f"{type_}/{id_}/_history/1", Accept=JSON).json == first.json


def test_what_is_declared_of_references(hub: Demo, declared: list[Resource]) -> None:
    task = next(each for each in declared if each["type"] == "Task")
    references = {
        "literal": {"reference": "Patient/ansje"},
        "logical": {"identifier": {"system": "urn:x", "value": "x"}},
    }
    assert references.keys() <= set(task["referencePolicy"]) <= {*references, "enforced"}
    for policy, reference in references.items():
        assert hub.as_("system").post({**minimal("Task"), "for": reference}).status == 201, policy
    nowhere = hub.as_("system").post({**minimal("Task"), "for": {"reference": "Patient/is-nowhere"}})
    assert (nowhere.status >= 400) == ("enforced" in task["referencePolicy"])


def test_each_format(hub: Demo, statement: dict[str, Any]) -> None:
    gp = hub.as_("gp")
    for name in statement["format"]:
        reply = gp.get(f"Patient/ansje?_format={name}")
        assert reply.status == 200
        assert ("json" if "json" in name else "xml") in reply.headers["content-type"]
        if "/" in name:
            assert gp.get("Patient/ansje", Accept=name).headers["content-type"].startswith(name)
    for name in {"ttl", "text/turtle", "application/fhir+turtle", "html"} - set(statement["format"]):
        assert refused(gp.get(f"Patient/ansje?_format={name}"), 400)


def test_each_patch_format(hub: Demo, statement: dict[str, Any]) -> None:
    system = hub.as_("system")
    id_ = made(system, "Location")
    system.request("PATCH", f"Location/{id_}", {"name": "Een"}, **MERGE)
    assert set(statement["patchFormat"]) <= PATCHES.keys()
    for name in statement["patchFormat"]:
        before = system.get(f"Location/{id_}").headers["etag"]
        reply = system.request("PATCH", f"Location/{id_}", PATCHES[name], Content_Type=name)
        assert reply.status == 200, (name, reply.body)
        assert reply.headers["etag"] != before
    other = system.request("PATCH", f"Location/{id_}", b"{}", Content_Type="application/x-patch")
    assert refused(other, 415)
    assert set(statement["patchFormat"]) == set(other.headers["accept-patch"].split(", "))


def test_each_compartment(hub: Demo, rest: dict[str, Any], declared: list[Resource]) -> None:
    for url in rest["compartment"]:
        name = url.rpartition("/")[2]
        type_ = name[0].upper() + name[1:]
        members = [each["type"] for each in declared if each["type"] in compartment(type_) and "search-type" in codes(each)]
        statuses = {member: hub.as_("system").get(f"{type_}/x/{member}").status for member in members if member not in federated}
        assert 200 in statuses.values(), url
        assert set(statuses.values()) <= {200, 404}


def test_each_operation(hub: Demo, rest: dict[str, Any], declared: list[Resource]) -> None:
    system = hub.as_("system")
    for place, operations in [
        ("/fhir", rest.get("operation", [])),
        *((f"/fhir/{each['type']}", each.get("operation", [])) for each in declared),
    ]:
        names = {each["name"] for each in operations}
        for name in names:
            paths = [f"{place}/${name}", *([f"{place}/x/${name}"] if place != "/fhir" else [])]
            details = [
                (reply.status, reply.body)
                for path in paths
                for reply in (system.get(path), system.request("POST", path, b"", Content_Type=JSON))
            ]
            assert not all(status in {404, 405} and b"unknown-path" in body for status, body in details), (place, name)
        for each in operations:
            found = hub.as_("gp").get(f"OperationDefinition?url={each['definition']}").resources
            assert [one["code"] for one in found] == [each["name"]], each
        assert refused(system.get(f"{place}/$nonsense"), 404)


def test_operations_are_called_as_they_are_defined(hub: Demo, rest: dict[str, Any], declared: list[Resource]) -> None:
    """POST always, GET where nothing is changed and all parameters fit in a URL; on the whole, the type or one resource."""
    system, wrong = hub.as_("system"), []
    for type_, resource in [("", rest), *((each["type"], each) for each in declared)]:
        for each in resource.get("operation", []):
            (defined,) = hub.as_("gp").get(f"OperationDefinition?url={each['definition']}").resources
            parameters = [one for one in defined.get("parameter", []) if one["use"] == "in"]
            in_url = not defined["affectsState"] and all(
                one.get("type", "") == "Element" or one.get("type", "")[:1].islower() for one in parameters
            )
            for level, place in (("system", ""), ("type", type_), ("instance", f"{type_}/x")):
                if (level == "system" and type_) or (level != "system" and not type_):
                    continue
                path = f"/fhir/{place}/${each['name']}".replace("//", "/")
                got, posted = system.get(path), system.request("POST", path, b"", Content_Type=JSON)
                if not defined[level]:
                    right = refused(got, 404) and refused(posted, 404)
                else:
                    right = posted.status != 405 and (got.status != 405) == (in_url or each["name"] in TOLD_BY_GET | IN_A_URL)
                if not right:
                    wrong.append((level, path, got.status, posted.status))
    assert wrong == []


def test_who_may_ask_is_as_declared(hub: Demo, rest: dict[str, Any], declared: list[Resource]) -> None:
    assert rest["security"]["cors"] is False
    assert "access-control-allow-origin" not in hub.as_("gp").get("Patient", Origin="http://example.org").headers
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    anyone = Client(hub.port)
    assert anyone.get("/fhir/.well-known/smart-configuration").status == 200
    assert {anyone.get(f"{each['type']}/x").status for each in declared} == {401}
