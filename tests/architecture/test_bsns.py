"""Nobody's citizen service number is in the repository: what looks like one is of the range for tests."""

import gzip
import re
from pathlib import Path

from architecture.sources import ROOT, Plant, place, tracked

from fhir_server.model.bsn import is_bsn

NINE = re.compile(rb"(?<![0-9A-Za-z.])[0-9]{9}(?![0-9A-Za-z]|\.[0-9])")
FOR_TESTS = "9999"
CODES = {"129271007", "158965000", "419199007", "419511003"}
"""Codes of SNOMED CT that pass the eleven test by chance."""


def numbers(root: Path) -> list[str]:
    """Name the lines that hold a number that may be somebody's."""
    return [
        place(root, path, number)
        for path in tracked(root)
        for number, line in enumerate(content(path).splitlines(), 1)
        if any(may_be_somebodys(each.decode()) for each in NINE.findall(line))
    ]


def content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked; none of another kind of binary, in which digits follow each other by chance."""
    found = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(found)
    return b"" if b"\0" in found else found


def may_be_somebodys(text: str) -> bool:
    return is_bsn(text) and not text.startswith(FOR_TESTS) and text not in CODES


def test_every_number_is_one_for_tests() -> None:
    assert numbers(ROOT) == []


def test_a_number_is_found(plant: Plant) -> None:
    somebodys = "1234567" + "82"
    assert numbers(plant({"a.json": f'{{"value": "{somebodys}"}}', "b.json": '{"value": "999911120"}'})) == ["a.json:1"]
