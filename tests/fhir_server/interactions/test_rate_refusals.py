from fhir_server.access.actor import Actor
from fhir_server.audit.record import Origin, times_in
from fhir_server.interactions.rate_refusals import RateRefusals

NURSE = Actor("Practitioner/nurse", "practitioner", (), organisation="Organization/care")
HERE, THERE = Origin(address="192.0.2.1"), Origin(address="192.0.2.2")


def test_the_first_has_a_line_and_the_others_share_one() -> None:
    told = RateRefusals()
    assert [told.is_new(NURSE, HERE) for _ in range(4)] == [True, False, False, False]
    assert told.is_new(None, THERE)
    (line,) = told.due(7)
    assert (line.recorded, line.actor, line.organisation, line.status) == (7, NURSE.reference, "Organization/care", 429)
    assert (line.address, line.basis, times_in(line.detail)) == ("192.0.2.1", "rate-limited", ["(3 times)"])
    assert not told.is_new(NURSE, HERE)  # it goes on
    assert told.is_new(None, THERE)  # it was quiet for a while
    assert len(told.due(8)) == 1
    assert not told.due(9)
    assert told.is_new(NURSE, HERE)


def test_who_is_nobody_is_told_by_where_they_are() -> None:
    told = RateRefusals()
    assert told.is_new(None, Origin(address="2001:db8::1"))
    assert not told.is_new(None, Origin(address="2001:db8::2"))
    (line,) = told.due(1)
    assert (line.actor, line.role, line.address) == ("", "", "2001:db8::1")
