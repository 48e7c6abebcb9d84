"""What the tree of a profile says of an element in all, and what of that the profile itself says."""

from packages import CORE, OURS, profile

from fhir_server.validation.snapshot import Snapshots

NAMED = profile("named", "HumanName", {"path": "HumanName.family", "min": 1}, kind="complex-type")
FIRST = profile(
    "first",
    "Patient",
    {
        "path": "Patient.name",
        "min": 1,
        "max": "3",
        "slicing": {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"},
    },
    {"path": "Patient.name", "sliceName": "old", "type": [{"code": "HumanName", "profile": [OURS + "named"]}]},
    {"id": "Patient.name:old.family", "path": "Patient.name.family", "maxLength": 9},
)
SECOND = profile("second", "Patient", {"path": "Patient.name", "max": "2"}, base=OURS + "first")
DEFINED = {OURS + each["name"]: each for each in (NAMED, FIRST, SECOND)}


def test_a_tree() -> None:
    snapshots = Snapshots(DEFINED.get)
    second, first = snapshots.of(OURS + "second"), snapshots.of(OURS + "first")
    name, before = snapshots.children(second)["name"], snapshots.children(first)["name"]
    assert (name.min, name.max, before.max) == (1, 2, 3)
    old = name.slices["old"]
    assert (old.min, old.max, old.slice) == (
        0,
        3,
        "old",
    )  # a slice may be missing; the most is that of the element when it was made
    family = snapshots.children(old)["family"]
    assert (family.min, family.own, family.inherited) == (1, {"maxLength": 9}, {"min": 1})
    assert snapshots.children(old)["text"].own == {}
    assert snapshots.of(CORE + "Patient").children is None or "min" not in snapshots.of(CORE + "Patient").children["name"].own
