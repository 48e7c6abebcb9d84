"""What is kept of bodies is what they came to for the same entry and base, and no more than so many."""

from dataclasses import replace

from fhir_server.catalog.catalog import load
from fhir_server.search.lately import Lately
from fhir_server.search.rows import Indexed

TASK = load().types["Task"]


def test_a_body_is_asked_for_once_as_long_as_its_entry_is_the_same() -> None:
    lately, made = Lately(), list[int]()

    def make() -> Indexed:
        made.append(len(made))
        return Indexed(len(made), "", (), ())

    first = lately.of(b"a", TASK, "x", make)
    assert lately.of(b"a", TASK, "x", make) is first
    assert lately.of(b"b", TASK, "x", make) is not first
    assert lately.of(b"a", TASK, "y", make) is not first
    other = lately.of(b"a", replace(TASK), "x", make)
    assert other is not first
    assert lately.of(b"a", replace(TASK), "x", make) is not other


def test_no_more_than_so_many_are_kept() -> None:
    lately, made = Lately(3), list[bytes]()
    for body in (b"a", b"b", b"c", b"a", b"d", b"a"):
        lately.of(body, TASK, "", lambda body=body: (made.append(body), Indexed(0, "", (), ()))[1])  # type: ignore[misc]
    assert made == [b"a", b"b", b"c", b"d", b"a"]
