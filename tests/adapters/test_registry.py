from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from adapters import registry
from adapters.manifest import ManifestError, read_manifest
from adapters.pharmacy.hl7v3.adapter import Adapter

GOOD = """name = "n"
standard = "s"
version = "1"
owner = "o"
payload = "text/xml"
resource_types = ["Medication"]
tables = []
[options]
x = "what it is"
"""


def test_the_own_adapters_are_found() -> None:
    assert "pharmacy/hl7v3" in [manifest.id for manifest in registry.manifests()]
    assert registry.manifest("pharmacy/hl7v3").resource_types == ("MedicationDispense", "Medication", "Organization", "Patient")
    assert isinstance(registry.load("pharmacy/hl7v3"), Adapter)


def test_an_adapter_is_made_once() -> None:
    assert registry.load("pharmacy/hl7v3") is registry.load("pharmacy/hl7v3")


@pytest.mark.parametrize("call", [registry.load, registry.manifest, registry.folder])
def test_an_unknown_adapter(call: Callable[..., object]) -> None:
    with pytest.raises(registry.UnknownAdapter):
        call("pharmacy/nothing")


def test_installed_adapters_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("gp/elsewhere", "adapters.pharmacy.hl7v3", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])
    for cached in (registry._packages, registry.manifest, registry.load):
        cached.cache_clear()
    try:
        assert registry.manifest("gp/elsewhere").id == "gp/elsewhere"
        assert isinstance(registry.load("gp/elsewhere"), Adapter)
    finally:
        for cached in (registry._packages, registry.manifest, registry.load):
            cached.cache_clear()


def test_a_good_manifest() -> None:
    manifest = read_manifest("a/b", GOOD)
    assert (manifest.id, manifest.version, manifest.options) == ("a/b", "1", {"x": "what it is"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('name = "n"', ""), "name must be a text"),
        (('name = "n"', 'name = ""'), "name must be a text"),
        (('["Medication"]', '["Medicine"]'), "'Medicine' is not an R4 resource type"),
        (('["Medication"]', '"Medication"'), "resource_types must be a list"),
        (('name = "n"', 'name = "n"\ncolour = "red"'), "unknown key 'colour'"),
        (('x = "what it is"', "x = 1"), "options must be a table of texts"),
        (("name", "name name"), "manifest.toml: "),
    ],
)
def test_bad_manifests(change: tuple[str, str], reason: str) -> None:
    with pytest.raises(ManifestError, match="a/b: ") as caught:
        read_manifest("a/b", GOOD.replace(*change, 1))
    assert reason in str(caught.value)
