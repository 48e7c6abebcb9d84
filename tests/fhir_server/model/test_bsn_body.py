"""Numbers in whole resources: only they change, they come back byte for byte, and who may not see them loses nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Unprocessable
from fhir_server.model.bsn_body import may_hold, restored, revealed, sealed, sealed_values, texts
from fhir_server.model.bsn_places import is_masked
from fhir_server.model.bsn_seal import KEY_BYTES, BsnSeal
from fhir_server.model.json import Document, read

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
OID = "urn:oid:2.16.840.1.113883.2.4.6.3"
NUMBER, SECOND = "999990019", "999990020"
SEAL = BsnSeal({"1": bytes(range(KEY_BYTES))}, "1")
ODD = (
    b'{ "resourceType":"Patient", "contained" : [ {"resourceType":"Person","identifier":[{"value":"999990019" ,"system":"'
    + BSN.replace("/", "\\/").encode()
    + b'"}]} ],\n"extension":[{"url":"https://a.example","valueIdentifier":{"system":"urn:oid:2.16.840.1.113883.2.4.6.3",'
    b'"assigner":{"identifier":{"system":"' + BSN.encode() + b'","value":"999990020"}},"value":"999990019"}},'
    b'{"url":"https://b.example","valueDecimal":1.00}],'
    b'"identifier":[{"system":"https://other.example","value":"999990019"},{"system":"'
    + BSN.encode()
    + b'"},{ "value" : "999990020","use":"usual",'
    b'"period":{"start":"2020"}, "system" : "' + BSN.encode() + b'"}],"name":[{"text":"\\u00e9 \\"{[,: 999990019"}]}'
)


def stored(body: bytes) -> bytes:
    return joined(sealed(read(body), SEAL))


def joined(document: Document) -> bytes:
    return ("{" + ",".join(f'"{name}":{text}' for name, text in document.members.items()) + "}").encode()


def tight(body: bytes) -> bytes:
    """Return ``body`` as its members would be joined again."""
    return joined(read(body))


def patient(*identifiers: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"resourceType": "Patient", "identifier": identifiers, **more}).encode()


def number(value: str = NUMBER, **more: Any) -> dict[str, Any]:
    return {"system": BSN, "value": value, **more}


def test_numbers_at_every_depth_are_sealed_and_nothing_else_changes() -> None:
    found = stored(ODD)
    assert len(texts(found)) == 2
    assert found.count(b"bsn~") == 4
    assert found.count(NUMBER.encode()) == 2  # of another system, and in a text
    assert SECOND.encode() not in found
    assert b"1.00" in found
    assert revealed(found, SEAL) == tight(ODD)


def test_what_is_read_again_and_what_is_stored_say_the_same() -> None:
    document = sealed(read(ODD), SEAL)
    assert read(joined(document)).resource == document.resource


spaces = st.sampled_from(["", " ", "\n\t"])


@given(
    st.lists(
        st.tuples(st.sampled_from([BSN, OID, "https://x.example"]), st.sampled_from([NUMBER, SECOND])), min_size=1, max_size=4
    ),
    st.lists(spaces, min_size=8, max_size=8),
    st.sampled_from(["system first", "value first"]),
    st.text('aé"\\/{}[],:9~ ', max_size=8),
)
def test_however_it_is_written_it_comes_back_as_it_was(
    pairs: list[tuple[str, str]], gaps: list[str], order: str, text: str
) -> None:
    made = []
    for system, value in pairs:
        one, two = f'"system"{gaps[0]}:{gaps[1]}"{system}"', f'"value"{gaps[2]}:{gaps[3]}"{value}"'
        made.append(f"{{{gaps[4]}{one if order == 'system first' else two}{gaps[5]},{two if order == 'system first' else one}}}")
    listed = gaps[6] + f",{gaps[7]}".join(made)
    body = f'{{"resourceType":"Patient","name":{json.dumps(text + "x")},"identifier":[{listed}]}}'.encode()
    found = stored(body)
    assert revealed(found, SEAL) == tight(body)
    assert found.count(b"bsn~") == sum(system in {BSN, OID} for system, _ in pairs)


@pytest.mark.parametrize("value", ["999990018", " 999990019", "999990019 ", "99999001", "999.99.0019", "x", "000000000"])
def test_what_is_no_number_is_refused_with_its_place_alone(value: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        sealed(read(patient({"system": "https://x.example", "value": "1"}, number(value))), SEAL)
    (issue,) = caught.value.issues
    assert (issue.expression, issue.detail) == ("Patient.identifier[1].value", "bsn-invalid")
    assert value not in issue.text.split()


@pytest.mark.parametrize("place", ["name", "identifier"])
def test_nobody_has_a_number_revealed_by_sending_its_sealed_text(place: str) -> None:
    text = f"look: {SEAL.seal(NUMBER)}"
    body = {"resourceType": "Patient", "name": [{"text": text}]}
    if place == "identifier":
        body = {"resourceType": "Patient", "identifier": [{"system": "https://x.example", "value": text}]}
    for written in (json.dumps(body), json.dumps(body).replace("~", "\\u007e")):
        assert may_hold(written.encode())
        with pytest.raises(Unprocessable) as caught:
            sealed(read(written.encode()), SEAL)
        assert caught.value.issues[0].detail == "bsn-sealed"
    alike = {"resourceType": "Patient", "name": [{"text": "bsn~1~" + "a" * 32}]}
    assert revealed(stored(json.dumps(alike).encode()), SEAL, ()) == tight(json.dumps(alike).encode())


def test_a_body_without_any_sign_is_left_alone() -> None:
    body = patient({"system": "https://x.example", "value": NUMBER}, name=[{"text": 'a "quoted"\nname'}])
    assert not may_hold(body)
    assert revealed(body, SEAL, ()) is body


def test_who_may_not_see_a_number_sees_that_there_is_one() -> None:
    seen = read(revealed(stored(patient(number(use="usual"), {"system": "https://x.example", "value": "7"})), SEAL, ())).resource
    masked, other = seen["identifier"]
    assert is_masked(masked)
    assert (masked["system"], masked["use"], "value" in masked) == (BSN, "usual", False)
    assert other["value"] == "7"


def test_a_rendered_value_goes_with_the_number() -> None:
    rendered = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/rendered-value", "valueString": "***0019"}]}
    body = stored(patient(number(_value=rendered)))
    assert b"0019" not in revealed(body, SEAL, ())
    assert read(revealed(body, SEAL)).resource["identifier"][0]["_value"] == rendered


def test_people_see_their_own_number_and_no_other() -> None:
    body = stored(patient(number(), contact=[{"identifier": number(SECOND)}]))
    seen = revealed(body, SEAL, {SEAL.seal(NUMBER)})
    assert NUMBER.encode() in seen
    assert SECOND.encode() not in seen
    assert b"bsn~" not in seen


def test_the_rest_of_a_masked_resource_keeps_its_text() -> None:
    seen = revealed(stored(ODD), SEAL, ())
    assert b"1.00" in seen
    assert read(seen).members["name"] == read(ODD).members["name"]
    assert b"bsn~" not in seen


def test_the_narrative_is_sealed_and_masked_with_the_identifier() -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">BSN {NUMBER}, tel. 9{NUMBER}, {SECOND}</div>'
    body = patient(number(), text={"status": "generated", "div": div})
    found = stored(body)
    assert f" {NUMBER}".encode() not in found
    assert revealed(found, SEAL) == tight(body)
    seen = revealed(found, SEAL, ())
    assert f"BSN *********, tel. 9{NUMBER}, {SECOND}".encode() in seen
    assert restored(read(seen), found).members["text"] == read(found).members["text"]


def test_digits_written_as_escapes_are_sealed_too() -> None:
    div = '<div xmlns=\\"http://www.w3.org/1999/xhtml\\">99999001\\u0039</div>'
    body = patient(number(), text={"status": "generated", "div": "DIV"}).replace(b"DIV", div.encode())
    body = body.replace(b'"value": "999990019"', b'"value": "\\u0039\\u0039999001\\u0039"')
    assert b"bsn~" in stored(body)
    assert b"\\u0039" not in stored(body)


def test_what_was_masked_stays_what_it_was() -> None:
    before = stored(patient(number(use="usual"), number(SECOND), {"system": "https://x.example", "value": "7"}))
    seen = read(revealed(before, SEAL, ()))
    assert restored(seen, before).members == read(before).members
    assert restored(seen, before).resource == read(before).resource


def test_a_masked_number_follows_when_its_place_changes() -> None:
    before = stored(patient({"system": "https://x.example", "value": "7"}, number()))
    seen = read(revealed(before, SEAL, ())).resource
    seen["identifier"] = [{**seen["identifier"][1], "use": "official"}]
    after = restored(read(json.dumps(seen).encode()), before).resource
    assert after["identifier"] == [{"system": BSN, "value": SEAL.seal(NUMBER), "use": "official"}]


def test_a_masked_number_does_not_come_from_another_element() -> None:
    before = stored(patient(number()))
    seen = read(revealed(before, SEAL, ())).resource["identifier"][0]
    moved = json.dumps({"resourceType": "Patient", "link": [{"other": {"identifier": seen}}]}).encode()
    assert restored(read(moved), before).resource["link"] == [{"other": {"identifier": seen}}]


def test_what_a_source_answers_is_sealed_or_masked() -> None:
    resource = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"identifier": number()},
        "asserter": {"identifier": number("12")},
    }
    made = sealed_values(resource, SEAL)
    assert made["subject"]["identifier"]["value"] == SEAL.seal(NUMBER)
    assert is_masked(made["asserter"]["identifier"])
    assert sealed_values({"resourceType": "Condition"}, SEAL) == {"resourceType": "Condition"}
