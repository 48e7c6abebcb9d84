"""The lists of MedMij: what is read of them, what is refused, and which of two is kept."""

import asyncio
from pathlib import Path

import pytest

from fhir_server.medmij.lists.kept import OFTEN, Lists, require_lists
from fhir_server.medmij.lists.oauth_clients import read_oauth_clients
from fhir_server.medmij.lists.service_names import read_service_names
from fhir_server.medmij.lists.whitelist import read_whitelist
from fhir_server.medmij.lists.xml import InvalidList

SPACE = "xmlns://afsprakenstelsel.medmij.nl"
STAMP = "2026-11-01T10:00:00+01:00"
NEW = "<MedMijNode><Hostname>a.example</Hostname></MedMijNode><MedMijNode><Hostname>B.example</Hostname></MedMijNode>"
OLD = "<MedMijNode>a.example</MedMijNode><MedMijNode>b.example</MedMijNode>"


def listed(root: str, content: str, *, release: str = "release2", number: str = "5", stamp: str = STAMP) -> bytes:
    head = f"<Tijdstempel>{stamp}</Tijdstempel><Volgnummer>{number}</Volgnummer>"
    return f'<{root} xmlns="{SPACE}/{root.lower()}/{release}/">{head}{content}</{root}>'.encode()


def whitelist(nodes: str = NEW, **other: str) -> bytes:
    return listed("Whitelist", f"<MedMijNodes>{nodes}</MedMijNodes>", **other)


def client(host: str = "a.example", name: str = "De PGO", more: str = "") -> str:
    called = f"<OAuthclientOrganisatienaam>{name}</OAuthclientOrganisatienaam>"
    return f"<OAuthclient><Hostname>{host}</Hostname>{called}{more}</OAuthclient>"


def clients(content: str = "", **other: str) -> bytes:
    return listed("OAuthclientlist", f"<OAuthclients>{content or client()}</OAuthclients>", **other)


def names(content: str = "<GegevensdienstId>48</GegevensdienstId><Weergavenaam>Basisgegevens</Weergavenaam>") -> bytes:
    inside = f"<Gegevensdiensten><Gegevensdienst>{content}</Gegevensdienst></Gegevensdiensten>"
    return listed("Gegevensdienstnamenlijst", inside, release="release1")


@pytest.mark.parametrize("nodes", [NEW, OLD])
def test_both_versions_of_the_whitelist(nodes: str) -> None:
    found = read_whitelist(whitelist(nodes))
    assert found.hosts == {"a.example", "b.example"}
    assert found.issue.number == 5


def test_clients_with_and_without_their_services() -> None:
    more = "<Interfaceversies><Gegevensdiensten><GegevensdienstId>48</GegevensdienstId></Gegevensdiensten></Interfaceversies>"
    found = read_oauth_clients(clients(client() + client("b.example", "Andere", more))).clients
    assert (found["a.example"].name, found["a.example"].services) == ("De PGO", None)
    assert found["b.example"].services == {"48"}


def test_names_of_services() -> None:
    assert read_service_names(names()).names == {"48": "Basisgegevens"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<Whitelist/>",
        whitelist().replace(b"release2", b"release1"),
        whitelist()
        .replace(b"<Whitelist", b"<w:Whitelist")
        .replace(b"</Whitelist", b"</w:Whitelist")
        .replace(b"xmlns=", b"xmlns:w="),
        b"<!DOCTYPE Whitelist>" + whitelist(),
        b'<!DOCTYPE Whitelist [<!ENTITY x "a.example">]>' + whitelist("<MedMijNode>&x;</MedMijNode>"),
        b'<!DOCTYPE Whitelist SYSTEM "file:///etc/passwd">' + whitelist(),
        whitelist(number="0"),
        whitelist(number="-1"),
        whitelist(number="1.5"),
        whitelist(number=""),
        whitelist(stamp="2026-11-01T10:00:00"),
        whitelist(stamp="2026-11-01"),
        whitelist(stamp="gisteren"),
        whitelist(""),
        whitelist("<MedMijNode><Hostname>a b</Hostname></MedMijNode>"),
        whitelist("<MedMijNode><Hostname>a.example/x</Hostname></MedMijNode>"),
        whitelist("<MedMijNode><Hostname>localhost</Hostname></MedMijNode>"),
        whitelist("<MedMijNode><Hostname/></MedMijNode>"),
        whitelist(OLD + OLD),
        whitelist()[:-5],
        b"<a>" * 300 + whitelist() + b"</a>" * 300,
    ],
)
def test_what_is_no_whitelist(content: bytes) -> None:
    with pytest.raises(InvalidList):
        read_whitelist(content)


@pytest.mark.parametrize("content", [client(name="ab"), client(name="x" * 51), client() + client("A.example"), client(host="")])
def test_what_is_no_client_list(content: str) -> None:
    with pytest.raises(InvalidList):
        read_oauth_clients(clients(content))


@pytest.mark.parametrize(
    "content", ["<GegevensdienstId>x</GegevensdienstId><Weergavenaam>Naam</Weergavenaam>", "<GegevensdienstId>1</GegevensdienstId>"]
)
def test_what_is_no_list_of_names(content: str) -> None:
    with pytest.raises(InvalidList):
        read_service_names(names(content))


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.in" for name in ("oauth_clients", "whitelist", "services")}
    found["oauth_clients"].write_bytes(clients(client() + client("b.example", "Andere PGO")))
    found["whitelist"].write_bytes(whitelist("<MedMijNode>a.example</MedMijNode>"))
    found["services"].write_bytes(names())
    return found


def test_a_pgo_stands_on_both_lists(paths: dict[str, Path], tmp_path: Path) -> None:
    lists = Lists(paths, tmp_path / "kept")
    found = lists.client("A.example")
    assert found is not None
    assert found.name == "De PGO"
    assert lists.client("b.example") is None  # not on the whitelist
    assert lists.client("c.example") is None
    assert (lists.name("48"), lists.name("1")) == ("Basisgegevens", "")
    paths["whitelist"].write_bytes(whitelist(number="6"))
    asyncio.run(lists.refresh(OFTEN))
    assert lists.client("b.example") is not None


@pytest.mark.parametrize(
    "worse",
    [
        whitelist("<MedMijNode>c.example</MedMijNode>", number="4"),
        whitelist("<MedMijNode>c.example</MedMijNode>", number="6", stamp="2026-10-31T10:00:00+01:00"),
        b"<Whitelist>",
        b"",
    ],
)
def test_what_is_worse_is_not_taken(worse: bytes, paths: dict[str, Path], tmp_path: Path) -> None:
    lists = Lists(paths, tmp_path / "kept")
    paths["whitelist"].write_bytes(worse)
    asyncio.run(lists.refresh(OFTEN))
    assert lists.client("a.example") is not None
    # The good one outlives a restart, and what is worse is worse then, too.
    assert Lists(paths, tmp_path / "kept").client("a.example") is not None
    paths["whitelist"].unlink()
    assert Lists(paths, tmp_path / "kept").client("a.example") is not None


def test_without_any_list_there_is_no_door(paths: dict[str, Path], tmp_path: Path) -> None:
    paths["whitelist"].write_bytes(b"")
    with pytest.raises(InvalidList, match=r"whitelist\.in"):
        Lists(paths, tmp_path / "kept")
    with pytest.raises(InvalidList, match=r"whitelist\.in"):
        require_lists(paths, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    paths["whitelist"].write_bytes(whitelist())
    require_lists(paths, tmp_path / "none")


def test_files_are_looked_at_once_a_minute(paths: dict[str, Path], tmp_path: Path) -> None:
    lists = Lists(paths, tmp_path / "kept")
    asyncio.run(lists.refresh(OFTEN))
    paths["whitelist"].write_bytes(whitelist(number="6"))
    asyncio.run(lists.refresh(2 * OFTEN - 1))
    assert lists.client("b.example") is None
    asyncio.run(lists.refresh(2 * OFTEN))
    assert lists.client("b.example") is not None


def test_the_published_examples(reference: Path) -> None:
    folder = reference / "medmij" / "lists"
    assert "medmij.deenigeechtepgo.nl" in read_whitelist((folder / "MedMij_Whitelist_example.release2.xml").read_bytes()).hosts
    found = read_oauth_clients((folder / "MedMij_OAuthclientlist_example.release2.xml").read_bytes()).clients
    assert found["medmij.deenigeechtepgo.nl"].name == "De Enige Echte PGO"
    example = (folder / "MedMij_Gegevensdienstnamenlijst_example.release1.xml").read_bytes()
    assert read_service_names(example).names["1"] == "Basisgegevens Zorg"
    with pytest.raises(InvalidList):
        read_whitelist(example)
