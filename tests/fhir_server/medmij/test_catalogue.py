"""The data services, as they are declared: what they name is there, and can be asked."""

import pytest

from fhir_server.access.roles import load_roles
from fhir_server.catalog import catalog
from fhir_server.medmij.catalogue import InvalidServices, Service, read_services, services
from fhir_server.search.parse import parse
from profiles.medmij import services_text

KNOWN = catalog.load()
ROLES = load_roles(KNOWN.types)
GOOD = '["1"]\nname = "N"\nrole = "R"\nhome = "source"\nread = ["Patient"]\nsearch = [{ type = "Patient" }]\n'


def test_every_type_is_in_the_catalogue() -> None:
    assert read_services(services_text(), KNOWN.types).keys() == services().keys()


@pytest.mark.parametrize("service", services().values(), ids=[*services()])
def test_every_search_can_be_asked(service: Service) -> None:
    for query in service.searches:
        values = {"_lastUpdated": "ge2026", "period-of-use": "ge2026-01-01", "sent": "ge2026", "part-of": "Communication/x"}
        given = [*query.fixed, *((name, values.get(name, "x")) for name in sorted(query.parameters))]
        given += [("_include", each) for each in sorted(query.include)]
        given += [("_include:iterate", each) for each in sorted(query.iterate)]
        found = parse(KNOWN.types[query.type], given, strict=True, every=True, catalog=KNOWN)
        assert len(found.includes) == len(query.include) + len(query.iterate)
        assert not found.warnings


@pytest.mark.parametrize("service", services().values(), ids=[*services()])
def test_the_role_may_do_all_of_it(service: Service) -> None:
    for type_ in service.types:
        assert "r" in ROLES.letters("pgo", type_) or ROLES.asks_sources("pgo", type_), type_
    federated = {KNOWN.types[each].home == "federated" for each in service.searched}
    assert federated == {service.home == "source"}


def test_a_service_is_read() -> None:
    assert read_services(GOOD)["1"].types == ("Patient",)


@pytest.mark.parametrize(
    "text",
    [
        "x", GOOD.replace('"1"', '"a"'), GOOD.replace("source", "elsewhere"), GOOD.replace('role = "R"\n', ""),
        GOOD.replace('type = "Patient" }', 'type = "Patient", fix = 1 }'), GOOD.replace("Patient", "Nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str) -> None:
    with pytest.raises(InvalidServices, match=r"services\.toml"):
        read_services(text, KNOWN.types)
