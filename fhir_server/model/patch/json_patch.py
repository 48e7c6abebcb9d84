"""JSON Patch (RFC 6902): all six operations, on plain dicts and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.patch.equality import equal
from fhir_server.model.patch.failure import Impossible
from fhir_server.model.patch.pointer import DEEPEST, Pointer, get, key, parse, position, shown

Op = Literal["add", "remove", "replace", "move", "copy", "test"]
MOST_OPERATIONS: Final = 1_000
MOST_COPIED: Final = 1_000_000
"""Values and characters that all "copy" of one patch may copy: repeated copies of copies grow without bound."""

_WITH_VALUE = frozenset({"add", "replace", "test"})
_WITH_FROM = frozenset({"move", "copy"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: ``path`` and ``source`` ("from" on the wire) are pointers, ``value`` counts for add, replace and test."""

    op: Op
    path: Pointer
    source: Pointer = ()
    value: Any = None


def operations(patch: object) -> tuple[Operation, ...]:
    """Read a patch document; raises BadRequest with the number of the operation (from 0) that is none."""
    if not isinstance(patch, list):
        raise BadRequest("A JSON Patch is an array of operations (RFC 6902).")
    if len(patch) > MOST_OPERATIONS:
        raise BadRequest(f"A JSON Patch may have {MOST_OPERATIONS} operations here: send it in parts.")
    return tuple(_operation(number, each) for number, each in enumerate(patch))


def apply(steps: Sequence[Operation], document: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what ``document`` becomes; it stays as it is itself. Raises Unprocessable: then nothing of the patch counts."""
    run = _Run(copied(document))
    for number, step in enumerate(steps):
        try:
            run.take(step)
        except Impossible as error:
            raise Unprocessable(f"Operation {number} of the patch, {step.op} at {shown(step.path)}: {error}.") from None
    return run.document


def copied(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a copy that shares no dict and no list with ``value``."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def _operation(number: int, given: object) -> Operation:
    if not isinstance(given, Mapping):
        raise BadRequest(f"Operation {number} of the patch is no object.")
    op = given.get("op")
    if op not in get_args(Op):
        raise BadRequest(f"Operation {number} of the patch: op must be one of {', '.join(get_args(Op))}.")
    if op in _WITH_VALUE and "value" not in given:
        raise BadRequest(f"Operation {number} of the patch: {op} needs a value.")
    path = _pointer(number, given, "path")
    source = _pointer(number, given, "from") if op in _WITH_FROM else ()
    return Operation(cast("Op", op), path, source, given.get("value"))


def _pointer(number: int, given: Mapping[str, Any], member: str) -> Pointer:
    text = given.get(member)
    try:
        found = parse(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None:
        raise BadRequest(f'Operation {number} of the patch: {member} must be a JSON Pointer, such as "/name/0/family".')
    if len(found) > DEEPEST:
        raise BadRequest(f"Operation {number} of the patch: {member} goes deeper than {DEEPEST} levels.")
    return found


class _Run:
    """A document on its way through a patch."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401 - JSON
        self.document = document
        self._left = MOST_COPIED

    def take(self, step: Operation) -> None:
        match step.op:
            case "add":
                self._add(step.path, copied(step.value))
            case "remove":
                self._remove(step.path)
            case "replace":
                self._replace(step.path, copied(step.value))
            case "move":
                self._move(step)
            case "copy":
                self._add(step.path, copied(self._affordable(get(self.document, step.source))))
            case "test":
                if not equal(get(self.document, step.path), step.value):
                    raise Impossible("the value is another one than the test expects")

    def _add(self, path: Pointer, value: object) -> None:
        if not path:
            self.document = value
            return
        holder, last = get(self.document, path[:-1]), path[-1]
        if isinstance(holder, dict):
            holder[last] = value
        elif isinstance(holder, list):
            index = len(holder) if last == "-" else position(last)
            if index > len(holder):
                raise Impossible("the array has fewer elements than this index")
            holder.insert(index, value)
        else:
            raise Impossible("its parent is neither an object nor an array")

    def _remove(self, path: Pointer) -> Any:  # noqa: ANN401 - JSON
        if not path:
            gone, self.document = self.document, None
            return gone
        holder = get(self.document, path[:-1])
        return holder.pop(key(holder, path[-1]))

    def _replace(self, path: Pointer, value: object) -> None:
        if not path:
            self.document = value
            return
        holder = get(self.document, path[:-1])
        holder[key(holder, path[-1])] = value

    def _move(self, step: Operation) -> None:
        if step.path != step.source and step.path[: len(step.source)] == step.source:
            raise Impossible("a value cannot be moved into itself")
        self._affordable(get(self.document, step.source))
        self._add(step.path, self._remove(step.source))

    def _affordable(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return ``value``; raises Impossible when with it too much was copied, or when it nests too deep to put elsewhere."""
        level = [value]
        for _ in range(DEEPEST + 1):
            self._left -= sum(len(each) if isinstance(each, str) else 1 for each in level)
            if self._left < 0:
                raise Impossible("all that is copied comes to too much: send it in parts")
            level = [inner for each in level for inner in _inside(each)]
            if not level:
                return value
        raise Impossible(f"what is moved or copied nests deeper than {DEEPEST} levels")


def _inside(value: object) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
