"""The answer of a pharmacy system: from the bytes to the dispense lists in it; see README.md."""

from adapters.aorta.answer import Answer, read_answer, root_of
from mappings.tree import Node

ANSWER = "QURX_IN990113NL"
_PAYLOAD = frozenset({"subject", "MedicationDispenseList"})


def read_lists(payload: bytes, *, bare: bool = False) -> tuple[tuple[Node, ...], Answer]:
    """Return the dispense lists of an answer, and the answer; SourceError when it is none or reports an error.

    ``bare``: a dispense list without its interaction is welcome too, as it stands in a file.
    """
    root = root_of(payload)
    if bare and root.name in _PAYLOAD:
        return tuple(node for node in root.walk() if node.name == "MedicationDispenseList"), Answer((), frozenset(), ())
    answer = read_answer(root, (ANSWER,))
    return tuple(found for _, _, subject in answer.subjects for found in subject.all("MedicationDispenseList")), answer
