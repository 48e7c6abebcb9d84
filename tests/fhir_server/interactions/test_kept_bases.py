"""A decision is kept for a second at most, for one actor, and never beyond what it came from."""

from dataclasses import replace

import pytest
from invented import Thing, created

from fhir_server.access.actor import Actor
from fhir_server.access.consent import Decision
from fhir_server.interactions.kept_bases import KeptBases

NURSE = Actor("Practitioner/n", "practitioner", ())
ASKED = "Patient/p", "own|message"
PERMIT = Decision(True, ("permit-careteam",), until=10_000_000)
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("decision", "until"),
    [(PERMIT, SECOND), (replace(PERMIT, until=500), 500), (None, SECOND), (replace(PERMIT, permit=False), SECOND)],
)
def test_it_is_kept_for_a_second_or_until_it_may_change(decision: Decision | None, until: int) -> None:
    bases = KeptBases()
    bases.keep(NURSE, *ASKED, decision, 0, bases.written)
    assert bases.get(NURSE, *ASKED, until - 1) == (decision,)
    assert bases.get(NURSE, *ASKED, until) is None


def test_it_is_that_of_one_actor_one_client_and_one_category() -> None:
    bases = KeptBases()
    bases.keep(NURSE, *ASKED, PERMIT, 0, bases.written)
    assert bases.get(replace(NURSE), *ASKED, 1) is None
    assert bases.get(NURSE, "Patient/q", ASKED[1], 1) is None
    assert bases.get(NURSE, ASKED[0], "own|appointment", 1) is None


def test_what_is_written_makes_it_forgotten_also_while_it_was_looked_up() -> None:
    bases = KeptBases()
    bases.keep(NURSE, *ASKED, PERMIT, 0, bases.written)
    bases.follow([created(Thing("t", "Task"))])
    assert bases.get(NURSE, *ASKED, 1) == (PERMIT,)
    began = bases.written
    bases.follow([created(Thing("c", "Consent"))])
    assert bases.get(NURSE, *ASKED, 1) is None
    bases.keep(NURSE, *ASKED, PERMIT, 0, began)
    assert bases.get(NURSE, *ASKED, 1) is None
