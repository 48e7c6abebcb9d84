"""The made-up regions: valid, consistent, repeatable, and as large as they say."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import orjson

from benchmarks.network.numbers import bsn
from benchmarks.network.region import region
from benchmarks.network.scale import MAXIMUM, Scale, of_scale
from fhir_server import validation
from fhir_server.catalog import catalog
from fhir_server.model.bsn import is_bsn

Json = dict[str, Any]


@cache
def small() -> list[Json]:
    return list(region(of_scale(0.002)))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_resource_is_valid_and_of_a_type_that_is_kept() -> None:
    types = catalog.load().types
    for resource in small():
        validation.check(resource)
        assert types[resource["resourceType"]].home == "owned"


def test_every_reference_points_back_and_no_id_is_given_twice() -> None:
    seen: set[str] = set()
    for resource in small():
        reference = f"{resource['resourceType']}/{resource['id']}"
        assert reference not in seen
        assert set(references(resource)) <= seen
        seen.add(reference)


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    first, again, other = (list(islice(region(Scale(3, seed)), 60)) for seed in (0, 0, 1))
    assert first == again
    assert not {each["id"] for each in first} & {each["id"] for each in other}


def test_sizes_are_realistic() -> None:
    sizes = sorted(len(orjson.dumps(each)) for each in small())
    assert sizes[0] > 600
    assert sizes[-1] < 5_000
    assert 900 < sum(sizes) / len(sizes) < 1_500


def test_a_whole_region_has_the_people_of_a_region_and_a_million_resources() -> None:
    whole = of_scale(1)
    assert (whole.clients, whole.professionals, whole.organizations) == (11_000, 11_000, 1_550)
    assert whole.carers(0).start == 0
    assert whole.carers(10_999).stop == 9_500
    assert all(whole.carers(number).stop == whole.carers(number + 1).start for number in range(100))
    counts = Counter(each["resourceType"] for each in region(of_scale(0.02)))
    assert 900_000 < 50 * counts.total() < 1_100_000
    assert counts["CareTeam"] == counts["Patient"] == 220


def test_every_bsn_passes_the_eleven_test_and_is_nobodys() -> None:
    numbers = [bsn(number) for number in (*range(500), MAXIMUM - 1)]
    assert all(is_bsn(number) and number.startswith("999") for number in numbers)
    assert len(set(numbers)) == len(numbers)
