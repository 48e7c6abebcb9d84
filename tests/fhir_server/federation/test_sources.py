"""sources.toml: what it declares, and how it says what is wrong with it."""

from pathlib import Path

import pytest

from fhir_server.federation.sources import InvalidSources, parse, read

KNOWN = ("pharmacy/hl7v3",)
GOOD = """
[linde]
adapter = "pharmacy/hl7v3"
endpoint = "http://127.0.0.1:9001/hl7v3"
organisation = { ura = "90000383", agb = "02045678" }
categories = ["MedicationUse"]
budget = 3
credentials = "env:LINDE_TOKEN"

[linde.options]
receiver_application = "90009011"
"""


def test_a_table_declares_a_source() -> None:
    (source,) = parse(GOOD, KNOWN)
    assert source.name == "linde"
    assert source.adapter == "pharmacy/hl7v3"
    assert source.endpoint == "http://127.0.0.1:9001/hl7v3"
    assert source.organisation == (
        ("http://fhir.nl/fhir/NamingSystem/ura", "90000383"),
        ("http://fhir.nl/fhir/NamingSystem/agb-z", "02045678"),
    )
    assert source.categories == {"MedicationUse"}
    assert source.budget == 3.0
    assert source.options == {"receiver_application": "90009011", "credentials": "env:LINDE_TOKEN"}


def test_sources_keep_their_order() -> None:
    text = GOOD + GOOD.replace("linde", "den")
    assert [source.name for source in parse(text, KNOWN)] == ["linde", "den"]


def test_an_empty_file_declares_none() -> None:
    assert parse("", KNOWN) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "pharmacy/hl7v3",
            "pharmacy/unknown",
            r"\[linde\] adapter: there is no adapter 'pharmacy/unknown'; there are pharmacy/hl7v3",
        ),
        ('adapter = "pharmacy/hl7v3"', "", r"\[linde\] adapter"),
        ('"http://127.0.0.1:9001/hl7v3"', "9001", r"\[linde\] endpoint must be a string"),
        ("http://127.0.0.1:9001/hl7v3", "ftp://linde.example/", r"\[linde\] endpoint must be an http"),
        ("http://127.0.0.1:9001/hl7v3", "http://", r"\[linde\] endpoint must be an http"),
        ("http://127.0.0.1:9001/hl7v3", "http://user:word@linde.example/", r"\[linde\] endpoint .* without user name"),
        ("http://127.0.0.1:9001/hl7v3", "http://linde.example:99999/", r"\[linde\] endpoint must be an http"),
        ('organisation = { ura = "90000383", agb = "02045678" }', "", r"\[linde\] organisation must be a table"),
        ("ura = ", "kvk = ", r"\[linde\] organisation must be a table with ura, agb"),
        ("90000383", "383", r"\[linde\] organisation.ura must be a string of eight digits"),
        ("90000383", "٩٠٠٠٠٣٨٣", r"\[linde\] organisation.ura must be"),
        ('["MedicationUse"]', '"MedicationUse"', r"\[linde\] categories must be an array"),
        ("budget = 3", "budget = 0", r"\[linde\] budget must be a number of seconds, above 0 and at most 8"),
        ("budget = 3", "budget = 8.1", r"\[linde\] budget"),
        ("budget = 3", "budget = true", r"\[linde\] budget"),
        ("budget = 3", "budget = nan", r"\[linde\] budget"),
        ("budget = 3", 'bugdet = "3"', r"\[linde\] has an unknown key: bugdet; known are"),
        (
            'receiver_application = "90009011"',
            'largest_answer = "2MB"',
            r"\[linde.options\] largest_answer must be a number of bytes",
        ),
        ('"90009011"', "90009011", r"\[linde.options\] must hold strings only"),
    ],
)
def test_a_mistake_is_named_with_its_table_and_key(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidSources, match=said):
        parse(GOOD.replace(old, new), KNOWN)


def test_a_name_can_be_used_once() -> None:
    with pytest.raises(InvalidSources, match="linde"):
        parse(GOOD + GOOD, KNOWN)


def test_a_key_outside_a_table_is_refused() -> None:
    with pytest.raises(InvalidSources, match=r"linde must be a table, \[linde\]"):
        parse("linde = 3", KNOWN)


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    with pytest.raises(InvalidSources, match=r"sources\.toml"):
        read(path, KNOWN)
    path.write_text("[linde")
    with pytest.raises(InvalidSources, match=r"sources\.toml"):
        read(path, KNOWN)
    path.write_text(GOOD)
    assert read(path, KNOWN)[0].name == "linde"
