"""The frame of an answer: from the bytes to the interactions in it.

An answer is a SOAP envelope around, or just, one interaction or a batch (MCCI_IN200101) of them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from adapters.contract import SourceError
from mappings.hl7v3 import NAMESPACE
from mappings.tree import Node, TreeError, parse

BATCH = "MCCI_IN200101"
_TARGETS = ("targetMessage", "targetTransmission")
_SOAP = ("{http://schemas.xmlsoap.org/soap/envelope/}", "{http://www.w3.org/2003/05/soap-envelope}")
_REFUSED = frozenset({"AE", "AR", "CE", "CR"})
_QUERY_REFUSED = frozenset({"AE", "QE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The ``interactions`` of an answer, the ids (extensions) of the questions that it says it ``answers``, and warnings."""

    interactions: tuple[Node, ...]
    answers: frozenset[str]
    warnings: tuple[str, ...]

    @property
    def subjects(self) -> tuple[tuple[str, Node, Node], ...]:
        """What the interactions are about: the name of the interaction, its control act, and each ``subject`` of that."""
        acts = [(one.name, act) for one in self.interactions for act in one.all("ControlActProcess")]
        return tuple((name, act, subject) for name, act in acts for subject in act.all("subject"))


def root_of(payload: bytes) -> Node:
    """Return the message in ``payload``, without its SOAP envelope; SourceError when there is none."""
    try:
        return _unwrapped(parse(payload, NAMESPACE))
    except TreeError as error:
        raise SourceError("structure", f"{error}") from None


def read_answer(root: Node, expected: Collection[str], *, partial: bool = False) -> Answer:
    """Read an answer; SourceError("structure") when it is none, SourceError("refused") when the system reports an error.

    ``expected`` are the names of the interactions that are wanted; others in a batch are left out with a warning. ``partial``:
    so is an interaction of a batch that reports an error, while another one does not.
    """
    _check(root)
    if root.name != BATCH and root.name not in expected:
        raise SourceError("structure", f"the answer is neither {' nor '.join(sorted(expected))} nor a batch of them")
    interactions = [child for child in root.children if child.name in expected] if root.name == BATCH else [root]
    good = [one for one in interactions if not _reports_error(one)] if partial else interactions
    warnings = ["an interaction that reports an error is left out"] if good and len(good) < len(interactions) else []
    interactions = good or interactions
    for interaction in interactions:
        _check(interaction)
        if interaction.first("ControlActProcess") is None:
            raise SourceError("structure", f"a {interaction.name} has no ControlActProcess")
    return Answer(tuple(interactions), _answered([root, *interactions]), (*warnings, *_warnings(root, interactions, expected)))


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


def _reports_error(interaction: Node) -> bool:
    try:
        _check(interaction)
    except SourceError:
        return True
    return False


def _answered(interactions: list[Node]) -> frozenset[str]:
    acknowledgements = [found for one in interactions for found in one.all("acknowledgement")]
    targets = [target for found in acknowledgements for name in _TARGETS for target in found.all(name)]
    return frozenset(one.value("extension") for target in targets for one in target.all("id")) - {""}


def _warnings(root: Node, interactions: list[Node], expected: Collection[str]) -> list[str]:
    found = []
    if root.name == BATCH and any(child.first("ControlActProcess") and child.name not in expected for child in root.children):
        found.append(f"the batch holds interactions other than {', '.join(sorted(expected))}; they were left out")
    acts = [act for one in interactions for act in one.all("ControlActProcess")]
    if _number(acts, "resultTotalQuantity", max) > _number(acts, "resultCurrentQuantity", sum):
        found.append("the source says that it has more than it sent")
    return found


def _number(acts: list[Node], name: str, combine: object) -> int:
    assert callable(combine)
    quantities = [quantity.value() for act in acts for query in act.all("queryAck") for quantity in query.all(name)]
    numbers = [int(value) for value in quantities if value.isdecimal() and value.isascii() and len(value) < len("1000000000")]
    total: int = combine([0, *numbers])
    return total
