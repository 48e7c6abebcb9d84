"""A number in a search becomes what the index knows it as, wherever it stands in the tree."""

import pytest

from fhir_server.model.bsn import SYSTEMS
from fhir_server.search.rows import US
from fhir_server.search.sealed import has_number, sealed_in, without_numbers
from fhir_server.search.tree import And, Chain, Everything, Has, Node, Not, Or, ReferenceTo, Token

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBER = "999990019"


def seal(number: str) -> tuple[str, ...]:
    return (f"sealed-{number}",)


def sealed(node: Node) -> Node:
    assert has_number(node)
    return sealed_in(node, seal)


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_number_with_its_system_is_looked_for_sealed_only(system: str) -> None:
    assert sealed(Token("identifier", NUMBER, system)) == Token("identifier", f"sealed-{NUMBER}", system)


def test_a_number_alone_may_be_another_one_too() -> None:
    plain, found = Token("identifier", NUMBER), Token("identifier", f"sealed-{NUMBER}")
    assert sealed(plain) == Or((plain, found))
    typed, both = Token("identifier:of-type", f"X{US}{NUMBER}", "s"), Token("identifier:of-type", f"X{US}sealed-{NUMBER}", "s")
    assert sealed(typed) == Or((typed, both))


@pytest.mark.parametrize("system", ["", "https://x.example"])
def test_a_number_of_another_system_stays(system: str) -> None:
    assert sealed_in(Token("identifier", NUMBER, system), seal) == Token("identifier", NUMBER, system)


def test_it_is_found_at_every_depth() -> None:
    token = Token("identifier", NUMBER, BSN)
    deep = And(
        (Not(Or((Chain("subject", "Patient", Has("Task", "for", token)), Everything()))), ReferenceTo("subject", "Patient/1"))
    )
    found = sealed(deep)
    assert str(found) == str(deep).replace(NUMBER, f"sealed-{NUMBER}")


@pytest.mark.parametrize("code", ["999990018", "", "12", f"X{US}999990018"])
def test_what_is_no_number_stays(code: str) -> None:
    assert not has_number(Token("identifier", code, BSN))
    assert sealed_in(Token("identifier", code, BSN), seal) == Token("identifier", code, BSN)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("identifier", f"{BSN}|{NUMBER}", f"{BSN}|redacted"),
        ("identifier", f"{NUMBER},x|1", "redacted,x|1"),
        ("identifier", f"|{NUMBER}", "|redacted"),
        ("subject:Patient.identifier:not", NUMBER, "redacted"),
        ("identifier:of-type", f"https://a.example|X|{NUMBER}", "https://a.example|X|redacted"),
        ("identifier", f"https://x.example|{NUMBER}", f"https://x.example|{NUMBER}"),
        ("identifier", f"{BSN}|999990018", f"{BSN}|999990018"),
        ("family", NUMBER, NUMBER),
    ],
)
def test_what_would_be_refused_in_a_url_is_not_repeated(name: str, value: str, shown: str) -> None:
    assert without_numbers([(name, value), ("_count", "1")]) == [(name, shown), ("_count", "1")]
