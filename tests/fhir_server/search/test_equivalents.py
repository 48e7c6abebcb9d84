"""A search by one name of a system finds the others, in the tree and in memory."""

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.search.equivalents import widened
from fhir_server.search.match import matches
from fhir_server.search.parse import parse
from fhir_server.search.tree import And, Has, Node, Not, Or, Text, Token, TokenIn

TYPES = load().types
BASE = "https://hub.example/fhir/"
TEAM, OLD_TEAM = "https://www.ozoverbindzorg.nl/namingsystem/team", "https://www.ozoverbindzorg.nl/namingsystem/ozo-connect/team"
URL, OID = "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "urn:oid:2.16.840.1.113883.5.111"
BOTH = Or((Token("identifier", "1", TEAM), Token("identifier", "1", OLD_TEAM)))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Token("identifier", "1", TEAM), BOTH),
        (Token("identifier", "1", OLD_TEAM), None),
        (Token("identifier", "1"), None),
        (Token("identifier", "1", ""), None),
        (Token("identifier", "1", "https://example.org/team"), None),
        (Text("name", TEAM), None),
        (Not(Token("identifier", "1", TEAM)), Not(BOTH)),
        (Has("CareTeam", "participant", Token("identifier", "1", TEAM)), Has("CareTeam", "participant", BOTH)),
        (And((Token("identifier", "1", TEAM), Text("name", "x"))), And((BOTH, Text("name", "x")))),
        (Token("relationship", "SPS", OID), Or((Token("relationship", "SPS", URL), Token("relationship", "SPS", OID)))),
        (TokenIn("relationship", ("A", "B"), URL), Or(tuple(TokenIn("relationship", ("A", "B"), each) for each in (URL, OID)))),
    ],
)
def test_a_tree_is_widened(node: Node, expected: Node | None) -> None:
    assert widened(node) == (node if expected is None else expected)


@pytest.mark.parametrize("asked", [URL, OID])
@pytest.mark.parametrize("stored", [URL, OID])
def test_the_same_holds_in_memory(asked: str, stored: str) -> None:
    entry = TYPES["RelatedPerson"]
    related = {"resourceType": "RelatedPerson", "relationship": [{"coding": [{"system": stored, "code": "SPS"}]}]}

    def holds(name: str, value: str) -> bool:
        return matches(parse(entry, [(name, value)], base=BASE).query.where, related, entry, BASE)

    assert holds("relationship", f"{asked}|SPS")
    assert not holds("relationship:not", f"{asked}|SPS")
    assert not holds("relationship", f"{asked}|CHILD")
