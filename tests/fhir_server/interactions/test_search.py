"""What a searchset says beside its entries: the total and the links, and the order over all pages."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.interactions.services import Services
from fhir_server.settings import read_settings
from fhir_server.storage import compile as text

Store = tuple[asyncio.Runner, Services]
PATIENTS = 30
GENDERS = ["male", "female", None]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("store") / "data")})
    bootstrap.prepare(found)
    made: list[dict[str, Any]] = []
    for number in range(PATIENTS):
        gender = GENDERS[number % 3]
        made.append({"resourceType": "Patient", "id": f"p{number:02}", "name": [{"family": "BCA"[number % 7 % 3]}], "active": True})
        made[-1].update({"gender": gender} if gender else {})
    bootstrap.load_resources(found, made)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(found))
        yield runner, services
        runner.run(services.repository.close())


def bundle(store: Store, *parameters: tuple[str, str], posted: bool = False) -> Any:
    runner, services = store
    call = Call(services, local_system(), "search-type", services.catalog.types["Patient"], parameters=parameters, posted=posted)
    call.now = services.clock()
    return json.loads(runner.run(search(call)).body)


def link(page: Any, relation: str) -> str:
    return next((str(each["url"]) for each in page["link"] if each["relation"] == relation), "")


def following(store: Store, page: Any) -> Any:
    return bundle(store, ("_page", link(page, "next").partition("_page=")[2]))


def every_page(store: Store, *parameters: tuple[str, str]) -> list[dict[str, Any]]:
    page, found = bundle(store, *parameters), []
    while True:
        found += [each["resource"] for each in page.get("entry", [])]
        if not link(page, "next"):
            return found
        page = following(store, page)


def test_several_keys_sort_over_all_pages_and_what_has_none_comes_last(store: Store) -> None:
    found = every_page(store, ("_sort", "-gender,family,_id"), ("_count", "4"))
    everyone = every_page(store, ("_count", "100"))
    everyone.sort(key=lambda each: (each["name"][0]["family"], each["id"]))
    everyone.sort(key=lambda each: ["male", "female", None].index(each.get("gender")))
    assert [each["id"] for each in found] == [each["id"] for each in everyone]


def test_a_small_number_is_told_unasked_and_on_every_page(store: Store) -> None:
    page = bundle(store, ("_count", "20"))
    assert (page["total"], following(store, page)["total"]) == (PATIENTS, PATIENTS)
    assert bundle(store, ("gender", "male"), ("_count", "3"), ("_sort", "family"))["total"] == PATIENTS // 3


@pytest.mark.parametrize("parameters", [(), (("gender", "male"), ("active", "true")), (("family", "b"),)])
def test_a_large_number_is_told_when_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, parameters: tuple[tuple[str, str], ...]
) -> None:
    monkeypatch.setattr(text, "FEW", 5)
    text.many.cache_clear()
    text.page.cache_clear()
    page = bundle(store, ("_count", "2"), *parameters)
    assert "total" not in page
    assert "total" not in following(store, page)
    number = len(every_page(store, *parameters))
    for asked in (("_total", "accurate"), ("_total", "estimate")):
        page = bundle(store, ("_count", "2"), asked, *parameters)
        assert (page["total"], following(store, page)["total"]) == (number, number)
    assert "total" not in bundle(store, ("_count", "2"), ("_total", "none"), *parameters)
    assert bundle(store, ("_count", "0"), *parameters)["total"] == number
    assert bundle(store, ("_summary", "count"), *parameters)["total"] == number
    text.many.cache_clear()
    text.page.cache_clear()


def test_the_self_link_of_a_later_page_is_its_own(store: Store) -> None:
    page = bundle(store, ("family", "b"), ("_count", "2"))
    assert link(page, "self").endswith("/Patient?family=b&_count=2")
    assert link(following(store, page), "self") == link(page, "next")
    posted = bundle(store, ("family", "b"), ("_count", "2"), posted=True)
    assert link(posted, "self").endswith("/Patient")
