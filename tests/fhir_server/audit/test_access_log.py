"""The access log in words, on paper and in a spreadsheet."""

import csv
import tomllib
from importlib.resources import files
from io import StringIO

import pytest

from fhir_server.audit.access_log import Entry, Words
from fhir_server.audit.fhir_event import Named
from fhir_server.audit.paper import page, table
from fhir_server.audit.texts import KINDS, LANGUAGES, Language, texts
from fhir_server.catalog.catalog import load
from fhir_server.search.values import ZONE
from fhir_server.storage.repository import AuditRow

NOON = 1_780_000_000_000_000
LINE = AuditRow(NOON, "Practitioner/vos", "practitioner", "R", "read", 200, "Task", "t", dossier="Patient/bakker", purpose="TREAT")
LABELS = {name: entry.audit for name, entry in load().types.items()}


def words(language: Language = "nl") -> Words:
    return Words(texts(language), LABELS, ZONE)


def entries(*lines: AuditRow, language: Language = "nl", name: str = "H. Vos") -> list[Entry]:
    return words(language).entries(lines, {"Practitioner/vos": Named(name)})


def test_equal_lines_of_a_day_are_one() -> None:
    day = 86_400_000_000
    found = entries(
        LINE, LINE._replace(recorded=NOON - 60_000_000, id="u"), LINE._replace(type="Patient"), LINE._replace(recorded=NOON - day)
    )
    assert [(each.times, each.data) for each in found] == [(2, "taken"), (1, "persoonsgegevens"), (1, "taken")]
    assert (found[0].first, found[0].last) == (NOON - 60_000_000, NOON)


def test_a_day_is_that_of_the_netherlands() -> None:
    assert entries(LINE._replace(recorded=1_780_005_600_000_000))[0].date == "2026-05-29"  # 22:00 UTC


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE, "deelname aan het netwerk"),
        (LINE._replace(basis="permit-careteam Consent/x/_history/1"), "toestemming voor het netwerk"),
        (LINE._replace(status=403, basis="not-permitted"), "geen toegang"),
        (LINE._replace(status=400, basis="search-value"), "de vraag kon niet worden beantwoord"),
        (LINE._replace(actor="Patient/bakker", role="patient"), "het zijn de eigen gegevens"),
        (LINE._replace(actor="Device/platform", role="system"), "beheer van het netwerk"),
        (LINE._replace(actor="Device/platform", role="system", status=404, basis="unknown-resource"), "het bestond niet"),
    ],
)
def test_on_which_ground(line: AuditRow, expected: str) -> None:
    assert entries(line)[0].basis == expected


def test_the_emergency_button_and_sources() -> None:
    (found,) = entries(LINE._replace(purpose="BTG", source="linde night"), language="en")
    assert (found.emergency, found.purpose, found.sources) == (True, "emergency", "linde, night")


def test_who_is_not_known_is_said_to_be_so() -> None:
    (found,) = entries(LINE._replace(actor="", role="", status=401, basis="token-refused"))
    assert (found.who, found.basis) == ("niemand die zich bekend maakte", "niet ingelogd")


def test_both_languages_say_the_same_things() -> None:
    tables = tomllib.loads(files("profiles").joinpath("access-log.toml").read_text(encoding="utf-8"))
    assert tables.keys() == set(LANGUAGES)
    for kind in set(KINDS) - {"data"}:
        assert tables["nl"][kind].keys() == tables["en"][kind].keys()
    assert tables["nl"]["data"].keys() - {"_"} == LABELS.keys()


HOSTILE = ["<script>alert(1)</script>", '=HYPERLINK("http://x")', "+1", "-2", "@a", "\t=1", "a,b", 'a"b', "a\nb"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_text(name: str) -> None:
    found = entries(LINE, name=name)
    html = page(found, texts("nl"), words(), 'https://hub.example/fhir/x?_page=a&b="c')
    assert "<script>" not in html
    assert 'href="https://hub.example/fhir/x?_page=a&amp;b=&quot;c"' in html
    head, row = csv.reader(StringIO(table(found, texts("nl"), words())))
    cell = row[head.index("Wie")]
    assert cell.removeprefix("'") == name
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_an_empty_page_says_so() -> None:
    assert "niemand uw gegevens gezien" in page([], texts("nl"), words())
