"""A search that names its client finds what one that does not finds there, whatever the client chose a moment ago."""

from typing import Any

import pytest
from flows.client import Client, Demo
from flows.test_sight import OWN, Home
from flows.test_system import token

LABELS = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@pytest.fixture
def home(hub: Demo) -> Home:
    return Home(hub)


def messages(home: Home, who: Client) -> set[str]:
    """Return what ``who`` finds in the dossier, having asked for it in two ways."""
    named = who.get(f"Communication?patient={home.patient}&_total=accurate")
    unnamed = who.get(f"Communication?sent=ge2031-01-01&_source=urn:test:{home.mark}&_total=accurate")
    assert (named.status, unnamed.status) == (200, 200)
    assert sorted(named.ids()) == sorted(unnamed.ids())
    assert named.json["total"] == unnamed.json["total"] == len(named.ids())
    return {each.partition("-")[0] for each in named.ids()}


def test_both_ways_find_the_same_at_every_moment(home: Home) -> None:
    nurse = token(home.hub, home.nurse, "practitioner", "user/*.cruds")
    for name, labels in (("plain", {}), ("secret", {"security": [{"system": LABELS, "code": "R"}]})):
        home.put(
            "Communication",
            name,
            status="completed",
            subject={"reference": home.patient},
            sent="2031-02-03T04:05:06Z",
            meta={"source": f"urn:test:{home.mark}", **labels},
        )

    def choose(status: str = "active", **more: Any) -> None:
        choice = home.consent([(OWN, "message")], status=status)
        choice["provision"] |= more
        assert home.system.put({**choice, "id": f"c-{home.mark}"}).status in {200, 201}

    assert messages(home, nurse) == {"Communication/plain", "Communication/secret"}, "no choice yet"
    choose()
    assert messages(home, nurse) == {"Communication/plain", "Communication/secret"}
    choose(securityLabel=[{"system": LABELS, "code": "N"}])
    assert messages(home, nurse) == {"Communication/plain"}
    choose()
    assert messages(home, nurse) == {"Communication/plain", "Communication/secret"}
    home.put("CareTeam", "t", status="inactive", subject={"reference": home.patient})
    assert messages(home, nurse) == set()
    home.put(
        "CareTeam", "t", status="active", subject={"reference": home.patient}, participant=[{"member": {"reference": home.nurse}}]
    )
    assert messages(home, nurse) == {"Communication/plain", "Communication/secret"}
    choose("inactive")
    assert messages(home, nurse) == set()


def test_what_is_in_another_dossier_is_decided_there(home: Home) -> None:
    nurse = token(home.hub, home.nurse, "practitioner", "user/*.cruds")
    other = home.put("Patient", "other", name=[{"family": "Elders"}])
    home.put("Communication", "mine", status="completed", subject={"reference": home.patient}, sent="2031-02-03T04:05:06Z")
    home.put("Communication", "theirs", status="completed", subject={"reference": other}, sent="2031-02-03T04:05:06Z")
    assert home.client.post(home.consent([(OWN, "message")])).status == 201
    assert nurse.get(f"Communication?patient={home.patient}").ids() == [f"Communication/mine-{home.mark}"]
    assert nurse.get(f"Communication?patient={other}").ids() == []
    assert nurse.get(f"Communication?patient={home.patient},{other}").ids() == [f"Communication/mine-{home.mark}"]
