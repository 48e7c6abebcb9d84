"""References and uris anywhere in a resource, and nothing else."""

from typing import Any

from fhir_server.model.rewrite import rewritten


def reference(text: str) -> str:
    return f"R({text})"


def uri(text: str) -> str:
    return f"U({text})"


def made(resource: dict[str, Any]) -> dict[str, Any]:
    return rewritten(resource, reference, uri)


def test_references_at_every_depth() -> None:
    resource = {
        "resourceType": "CareTeam",
        "subject": {"reference": "a", "display": "a", "identifier": {"system": "s", "assigner": {"reference": "b"}}},
        "participant": [{"member": {"reference": "c"}}, {"onBehalfOf": {"reference": "d"}}],
        "contained": [{"resourceType": "Location", "managingOrganization": {"reference": "e"}}],
        "extension": [{"url": "u", "valueReference": {"reference": "f"}}],
    }
    result = made(resource)
    assert result["subject"] == {
        "reference": "R(a)",
        "display": "a",
        "identifier": {"system": "U(s)", "assigner": {"reference": "R(b)"}},
    }
    assert result["participant"] == [{"member": {"reference": "R(c)"}}, {"onBehalfOf": {"reference": "R(d)"}}]
    assert result["contained"][0]["managingOrganization"] == {"reference": "R(e)"}
    assert result["extension"] == [{"url": "u", "valueReference": {"reference": "R(f)"}}]


def test_uri_and_url_and_no_other_text() -> None:
    resource = {
        "resourceType": "DocumentReference",
        "meta": {"profile": ["p"], "source": "q"},
        "implicitRules": "i",
        "extension": [{"url": "e", "valueCanonical": "c"}, {"url": "e", "valueUuid": "urn:uuid:x"}],
        "description": "urn:uuid:x",
        "content": [{"attachment": {"url": "a", "title": "a", "contentType": "a"}}],
    }
    result = made(resource)
    assert result["meta"] == {"profile": ["p"], "source": "U(q)"}
    assert result["implicitRules"] == "U(i)"
    assert result["extension"] == resource["extension"]
    assert result["content"] == [{"attachment": {"url": "U(a)", "title": "a", "contentType": "a"}}]
    assert result["description"] == resource["description"]


def test_links_of_a_narrative_and_none_of_its_text() -> None:
    div = """<div title="a"><a class="x" href="{}">a href="a"</a><a href = '{}'/><img src="{}"/><p data-href="a">a</p></div>"""
    result = made({"resourceType": "Basic", "text": {"status": "generated", "div": div.format("a", "b", "#c")}})
    assert result["text"] == {"status": "generated", "div": div.format("U(a)", "U(b)", "U(#c)")}


def test_what_comes_into_a_link_ends_no_attribute() -> None:
    result = rewritten({"resourceType": "Basic", "text": {"div": '<div><a href="a">a</a></div>'}}, reference, lambda _: "\"<'&")
    assert result["text"]["div"] == '<div><a href="&quot;&lt;&#39;&amp;">a</a></div>'


def test_extensions_of_primitives() -> None:
    resource = {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "x", "valueReference": {"reference": "a"}}]},
        "name": [{"given": ["a"], "_given": [{"extension": [{"url": "x", "valueUri": "b"}]}, None]}],
    }
    result = made(resource)
    assert result["_birthDate"]["extension"][0]["valueReference"] == {"reference": "R(a)"}
    assert result["name"][0]["_given"] == [{"extension": [{"url": "x", "valueUri": "U(b)"}]}, None]
    assert result["name"][0]["given"] == ["a"]


def test_what_is_no_valid_resource_stays_as_it_is() -> None:
    for resource in (
        {"resourceType": "Nonsense", "subject": {"reference": "a"}},
        {"subject": {"reference": "a"}},
        {"resourceType": ["Patient"]},
        {"resourceType": "Patient", "colour": {"reference": "a"}},
        {"resourceType": "Patient", "generalPractitioner": ["a", 1, None, {"reference": 5}], "contained": ["x"], "name": "y"},
    ):
        assert made(resource) == resource


def test_the_given_resource_is_not_changed() -> None:
    resource = {"resourceType": "Communication", "subject": {"reference": "a"}}
    made(resource)
    assert resource == {"resourceType": "Communication", "subject": {"reference": "a"}}
