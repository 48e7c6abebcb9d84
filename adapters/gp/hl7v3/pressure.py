"""Blood pressures: a systolic and a diastolic measurement of the same moment and contact, as one."""

from collections.abc import Iterable

from adapters.gp.hl7v3.surroundings import keys, put, put_act, standing_for
from mappings.tree import Node

_NHG = "2.16.840.1.113883.2.4.4.30.45"
_PARTS = {"1744": "systolic", "1740": "diastolic"}


def paired(observations: Iterable[Node]) -> tuple[list[Node], list[Node]]:
    """Return the blood pressures that were put together, and the observations that are none."""
    moments: dict[str, list[tuple[str, Node]]] = {}
    rest = []
    for node in observations:
        part = _part(node)
        if part:
            moments.setdefault(_moment(node), []).append((part, node))
        else:
            rest.append(node)
    pressures = []
    for found in moments.values():
        parts = dict(found)
        if len(found) == len(parts) == len(_PARTS):
            pressures.append(_pressure(parts["systolic"], parts["diastolic"]))
        else:
            rest += [node for _, node in found]
    return pressures, rest


def _part(node: Node) -> str:
    """Return which half of a blood pressure an observation is; "" for every other one, and for one that is not plain."""
    code, value, status = node.first("code"), node.first("value"), node.first("statusCode")
    if code is None or value is None or not value.value() or node.value("negationInd") == "true":
        return ""
    if (status and status.value("code") == "nullified") or code.value("codeSystem") != _NHG:
        return ""
    return _PARTS.get(code.value("code"), "")


def _moment(node: Node) -> str:
    time, status = node.first("effectiveTime"), node.first("statusCode")
    links = [key for name in ("_encounter", "_episode") for one in node.all(name) for key in keys(one)]
    return " ".join([time.value() if time else "", status.value("code") if status else "", *links])


def _pressure(systolic: Node, diastolic: Node) -> Node:
    made = Node("pressure", {}, "", "")
    made.children = [standing_for("systolic", systolic), standing_for("diastolic", diastolic)]
    for name in ("_encounter", "_episode"):
        put_act(made, name, systolic.first(name))
    put(made, "_author", systolic.first("_author"))
    return made
