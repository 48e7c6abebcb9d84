"""What files hold is found by the piece, whatever their form and wherever a chunk ends."""

import codecs
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.cli import documents
from fhir_server.cli.command import CommandFailed
from fhir_server.cli.documents import found_in, size_of, whole

Json = dict[str, Any]

ONE = '{"resourceType":"Observation","id":"a","valueQuantity":{"value":1.00}}'
TWO = '{"resourceType": "Patient", "id": "b", "name": [{"text": "] } \\" \\\\"}]}'


def bundle(*resources: str) -> str:
    entries = ",\n".join(f'{{"fullUrl": "urn:x", "resource": {each}}}' for each in resources)
    return f'{{"resourceType":"Bundle","type":"collection", "entry" : [{entries}], "link":[{{"a":[]}}]}}'


def bodies(path: Path) -> list[bytes]:
    return [each.body.strip() for each in found_in(path)]


def test_ndjson_is_read_by_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(f"{ONE}\n\n{TWO}\n")
    assert [(each.place, each.body.strip()) for each in found_in(path)] == [
        (f"{path}:1", ONE.encode()),
        (f"{path}:3", TWO.encode()),
    ]
    assert size_of([path]) == path.stat().st_size


@pytest.mark.parametrize("text", [bundle(ONE, TWO), bundle(ONE, TWO).replace(",", ",\n"), "\n" + bundle(ONE, TWO)])
def test_a_bundle_is_read_by_the_entry_and_keeps_what_was_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    found = list(found_in(path))
    assert [each.place for each in found] == [f"{path} entry[0]", f"{path} entry[1]"]
    assert b"1.00" in found[0].body
    assert found[1].body.replace(b"\n", b"") == TWO.encode()


@pytest.mark.parametrize("name", ["a.ndjson", "a.json"])
@pytest.mark.parametrize("before", [b"", b"\n \r\n", codecs.BOM_UTF8])
def test_ndjson_is_known_by_its_first_line(tmp_path: Path, name: str, before: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(before + f"{ONE}\n\n{ONE}\n".encode())
    first = 1 + before.count(b"\n")
    assert [each.place for each in found_in(path)] == [f"{path}:{first}", f"{path}:{first + 2}"]
    path.write_bytes(before.removeprefix(codecs.BOM_UTF8) or b"\n")
    assert [each.body.strip() for each in found_in(path) if each.body.strip()] == []


def history(*entries: Json) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "history", "entry": entries})


def version(id_: str, name: str) -> Json:
    resource = {"resourceType": "Patient", "id": id_, "name": [{"text": name}]}
    return {"resource": resource, "request": {"method": "PUT", "url": f"Patient/{id_}"}, "response": {"status": "200"}}


@pytest.mark.parametrize("name", ["a.ndjson", "a.json"])
def test_of_a_history_the_newest_version_counts_and_of_a_search_what_was_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    gone = {"request": {"method": "DELETE", "url": "Patient/c"}, "response": {"status": "204"}}
    path.write_text(history(version("b", "new"), version("a", "only"), gone, version("b", "old"), version("c", "before")))
    assert [json.loads(each)["name"][0]["text"] for each in bodies(path)] == ["new", "only"]
    told = {
        "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]},
        "search": {"mode": "outcome"},
    }
    found = {**version("a", "found"), "search": {"mode": "match"}}
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [told, found]}))
    assert [json.loads(each)["name"][0]["text"] for each in bodies(path)] == ["found"]


def test_a_whole_file_or_the_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.xml"
    path.write_bytes(b"<a/>")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"<b/>")))
    assert (whole(path), whole(documents.STDIN)) == (b"<a/>", b"<b/>")
    with pytest.raises(CommandFailed, match="cannot read"):
        whole(tmp_path / "none")


@given(size=st.integers(1, 40), entries=st.lists(st.sampled_from([ONE, TWO]), max_size=4))
def test_it_does_not_matter_where_a_chunk_ends(size: int, entries: list[str]) -> None:
    file = io.BytesIO(bundle(*entries).encode())
    found = list(documents._document(Path("x"), b"", lambda: file.read(size)))
    assert [each.body for each in found] == [each.encode() for each in entries]


def test_no_more_of_a_bundle_is_held_than_an_entry() -> None:
    file = io.BytesIO(bundle(*[ONE] * 500).encode())
    reader = documents._Reader(b"", lambda: file.read(64))
    assert max(len(reader.rest) for _ in reader.entries()) < 400


@pytest.mark.parametrize(
    "text", [ONE, '{\n"resourceType":"List","id":"l","status":"current","mode":"working","entry":[{"item":{"display":"x"}}]}']
)
def test_another_resource_is_read_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert bodies(path) == [text.encode()]


def test_a_bundle_without_its_type_in_front_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"entry":[{{"resource":{ONE}}}],"resourceType":"Bundle"}}')
    assert bodies(path) == [ONE.encode()]


def test_what_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(bundle(ONE, TWO)[:-60])
    found = list(found_in(path))
    assert found[0].body == ONE.encode()
    assert "middle of the Bundle" in found[-1].error


def test_what_is_no_json_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("<Patient/>")
    assert [(each.place, each.body, bool(each.error)) for each in found_in(path)] == [(str(path), b"", True)]


def test_the_standard_input_may_be_lines_or_a_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (f"{ONE}\n{TWO}\n", bundle(ONE, TWO)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text.encode()))))
        assert bodies(Path("-")) == [ONE.encode(), TWO.encode()]
    assert size_of([Path("-")]) == 0


def test_what_is_compressed_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ndjson.gz"
    for text in (f"{ONE}\n{TWO}\n", bundle(ONE, TWO)):
        path.write_bytes(gzip.compress(text.encode()))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(path.read_bytes()))))
        assert bodies(path) == bodies(Path("-")) == [ONE.encode(), TWO.encode()]
    assert size_of([path]) == 0
    for broken in (path.read_bytes()[:-12], path.read_bytes()[:12] + b"x" * 40):
        path.write_bytes(broken)
        with pytest.raises(CommandFailed, match="it is compressed, and broken or cut off"):
            bodies(path)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot read"):
        next(found_in(tmp_path / "none.json"))
