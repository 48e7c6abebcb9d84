"""What the snapshots in the official package of R4 say, as a digest for each profile: the measure of those that the server makes.

``python tests/r4_snapshots.py PACKAGE.tgz`` writes them anew from the package that ``profiles/r4/extract.py`` reads. Left out is
what the facts of this project do not hold: prose, invariants of R4's own types, and SimpleQuantity on elements of R4 itself.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fhir_server.validation.snapshot import Node, Snapshots
from profiles.r4 import extract

DIGESTS = Path(__file__).parent / "fhir_server" / "validation" / "snapshot" / "r4-snapshots.json"
SIMPLE = "http://hl7.org/fhir/StructureDefinition/SimpleQuantity"
VALUES = ("fixed", "pattern", "minValue", "maxValue")
Says = dict[str, Any]


def published(definition: Mapping[str, Any]) -> dict[str, Says]:
    """Return by id what the elements of a published snapshot say, its root left out."""
    return {each["id"]: _element(each) for each in definition["snapshot"]["element"][1:]}


def _element(each: Mapping[str, Any]) -> Says:
    binding = each.get("binding", {}) if "valueSet" in each.get("binding", {}) else {}
    return _says(each["path"], each["min"], each["max"], each.get("type", []), each, binding, each.get("slicing"))


def _says(path: str, least: int, most: str, types: Any, facts: Mapping[str, Any], binding: Any, slicing: Any) -> Says:
    named = path.rpartition(".")[2]
    kinds = [[each["code"], _urls(each, "profile"), _urls(each, "targetProfile")] for each in types]
    return {
        "min": least,
        "max": most,
        "types": [] if named in {"id", "url"} else sorted(kinds),  # written as System.String, with the type in an extension
        "values": {key: value for key, value in facts.items() if key.startswith(VALUES)},
        "binding": [binding["strength"], binding["valueSet"].partition("|")[0]] if binding else [],
        "slicing": (slicing or {}).get("discriminator", []),
    }


def _urls(type_: Mapping[str, Any], key: str) -> list[str]:
    return sorted(set(type_.get(key, ())) - {SIMPLE})


def made(snapshots: Snapshots, url: str) -> dict[str, Says]:
    """Return the same of the tree that the server makes, unfolded as far as the published ones are."""
    root = snapshots.of(url)
    return {id_: _node(node) for id_, node in _nodes(snapshots, root, root.name)}


def _nodes(snapshots: Snapshots, node: Node, id_: str) -> Iterator[tuple[str, Node]]:
    if "." in id_:
        yield id_, node
    inside = node.base is not None and node.base.types and node.base.types[0].code in {"BackboneElement", "Element"}
    if node.children is not None or node.base is None or (inside and ":" not in id_):
        for each in snapshots.children(node).values():
            yield from _nodes(snapshots, each, f"{id_}.{each.name}")
    for name, each in node.slices.items():
        yield from _nodes(snapshots, each, f"{id_}:{name}")


def _node(node: Node) -> Says:
    binding = node.fact("binding") or {}
    if "valueSet" not in binding:
        binding = {}
    if not binding and node.base and node.base.binding:
        binding = {"strength": node.base.binding.strength, "valueSet": node.base.binding.value_set}
    most = "*" if node.max is None else str(node.max)
    slicing = node.fact("slicing") if node.slices or "slicing" in node.own else None
    return _says(node.name, node.min, most, node.types, {**node.inherited, **node.own}, binding, slicing)


def digest(said: Mapping[str, Says]) -> str:
    """Return 16 digits that stand for all that is said."""
    slices = {
        id_.rpartition(":")[0] for id_ in said
    }  # what is not sliced is published with the slicing of its extensions or without
    told = {id_: {**each, "slicing": each["slicing"] if id_ in slices else []} for id_, each in said.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=float).encode()).hexdigest()[:16]


def main(package: Path) -> None:
    """Write the digests."""
    definitions = extract.resources(extract.read_package(package))["StructureDefinition"]
    constraints = [each for each in definitions if each.get("derivation") == "constraint" and "snapshot" in each]
    digests = {each["url"]: digest(published(each)) for each in constraints}
    DIGESTS.write_text(json.dumps(digests, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
