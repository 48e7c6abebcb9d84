"""The answer of a pharmacy system: from the bytes to the dispense lists in it.

An answer is a SOAP envelope around, or just, one QURX_IN990113NL or a batch (MCCI_IN200101) of them; see README.md.
"""

from dataclasses import dataclass

from adapters.contract import SourceError
from mappings.hl7v3 import NAMESPACE
from mappings.tree import Node, TreeError, parse

ANSWER = "QURX_IN990113NL"
BATCH = "MCCI_IN200101"
_PAYLOAD = frozenset({"subject", "MedicationDispenseList"})
_TARGETS = ("targetMessage", "targetTransmission")
_SOAP = ("{http://schemas.xmlsoap.org/soap/envelope/}", "{http://www.w3.org/2003/05/soap-envelope}")
_REFUSED = frozenset({"AE", "AR", "CE", "CR"})
_QUERY_REFUSED = frozenset({"AE", "QE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The dispense ``lists`` of an answer, the ids (extensions) of the questions that it says it ``answers``, and warnings."""

    lists: tuple[Node, ...]
    answers: frozenset[str]
    warnings: tuple[str, ...]


def read_answer(payload: bytes, *, bare: bool = False) -> Answer:
    """Read an answer; SourceError("structure") when it is none, SourceError("refused") when the system reports an error.

    ``bare``: a dispense list without its interaction is welcome too, as it stands in a file.
    """
    try:
        root = _unwrapped(parse(payload, NAMESPACE))
    except TreeError as error:
        raise SourceError("structure", f"{error}") from None
    if bare and root.name in _PAYLOAD:
        return Answer(tuple(node for node in root.walk() if node.name == "MedicationDispenseList"), frozenset(), ())
    _check(root)
    interactions = root.all(ANSWER) if root.name == BATCH else [root]
    if root.name not in (ANSWER, BATCH):
        raise SourceError("structure", f"the answer is neither {ANSWER} nor a batch of them")
    for interaction in interactions:
        _check(interaction)
    acts = [act for interaction in interactions for act in interaction.all("ControlActProcess")]
    if len(acts) < len(interactions):
        raise SourceError("structure", f"a {ANSWER} has no ControlActProcess")
    lists = [found for act in acts for subject in act.all("subject") for found in subject.all("MedicationDispenseList")]
    return Answer(tuple(lists), _answered([root, *interactions]), tuple(_warnings(root, acts)))


def _unwrapped(root: Node) -> Node:
    """Return the message inside a SOAP envelope."""
    for namespace in _SOAP:
        if root.name != f"{namespace}Envelope":
            continue
        body = root.first(f"{namespace}Body")
        if body is None or not body.children:
            raise SourceError("structure", "the SOAP envelope is empty")
        if body.first(f"{namespace}Fault"):
            raise SourceError("refused", "the source answered with a SOAP fault")
        return body.children[0]
    return root


def _check(interaction: Node) -> None:
    for acknowledgement in interaction.all("acknowledgement"):
        code = acknowledgement.value("typeCode")
        if code in _REFUSED:
            raise SourceError("refused", f"the source answered with acknowledgement {code}")
    for act in interaction.all("ControlActProcess"):
        for query in act.all("queryAck"):
            response = query.first("queryResponseCode")
            if response and response.value("code") in _QUERY_REFUSED:
                raise SourceError("refused", f"the source answered the query with {response.value('code')}")


def _answered(interactions: list[Node]) -> frozenset[str]:
    acknowledgements = [found for one in interactions for found in one.all("acknowledgement")]
    targets = [target for found in acknowledgements for name in _TARGETS for target in found.all(name)]
    return frozenset(one.value("extension") for target in targets for one in target.all("id")) - {""}


def _warnings(root: Node, acts: list[Node]) -> list[str]:
    found = []
    if root.name == BATCH and any(child.first("ControlActProcess") and child.name != ANSWER for child in root.children):
        found.append(f"the batch holds interactions other than {ANSWER}; they were left out")
    if _number(acts, "resultTotalQuantity", max) > _number(acts, "resultCurrentQuantity", sum):
        found.append("the source says that it has more than it sent")
    return found


def _number(acts: list[Node], name: str, combine: object) -> int:
    assert callable(combine)
    quantities = [quantity.value() for act in acts for query in act.all("queryAck") for quantity in query.all(name)]
    numbers = [int(value) for value in quantities if value.isdecimal() and value.isascii() and len(value) < len("1000000000")]
    total: int = combine([0, *numbers])
    return total
