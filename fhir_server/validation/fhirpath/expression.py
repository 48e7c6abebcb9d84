"""One expression, compiled when it is first evaluated; nothing of the engine is loaded before."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from fhir_server.validation.fhirpath import pattern

_MOST_TEXT: Final = 4_000
_AS_PRIMITIVE: Final = "($this as dateTime)"
Compiled = Callable[[Any, Mapping[str, Any]], Any]


class NotEvaluated(Exception):
    """An expression is none, or asks for what the engine cannot do here: nothing is known."""


class Expression:
    """An expression of FHIRPath with the types of R4. May be used from any thread."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._compiled: Compiled | None = None

    def holds(self, value: Any, shadow: Mapping[str, Any] | None, type_: str, resource: Mapping[str, Any]) -> bool:  # noqa: ANN401 - JSON
        """Tell whether the expression holds of ``value``, of type ``type_`` (for a backbone element its path), in ``resource``.

        Only false is false: an expression about what is not there holds. Raises NotEvaluated.
        """
        try:
            if self._compiled is None:
                self._compiled = _compile(self.text)
            answer = self._compiled(_node(value, type_, shadow), {"resource": resource, "rootResource": resource})
        except Exception as error:  # the engine raises whatever comes up, plain Exception above all
            raise NotEvaluated(type(error).__name__) from error
        return not (isinstance(answer, list) and answer == [False])


def _compile(text: str) -> Compiled:
    """Compile ``text`` for R4. Raises NotEvaluated for what is too long to be a rule."""
    if len(text) > _MOST_TEXT:
        raise NotEvaluated
    compiled: Compiled = _engine()[0](text)
    return compiled


def _node(value: Any, type_: str, shadow: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - JSON; the engine's own node
    return _engine()[1](value, type_, shadow)


@cache
def _engine() -> tuple[Callable[[str], Compiled], Callable[..., Any]]:
    """Load the engine (a fifth of a second, 30 MB): return what compiles, and what makes a node with its type."""
    import fhirpathpy  # noqa: PLC0415 - not for a hub without packages
    from fhirpathpy.engine.nodes import ResourceNode  # noqa: PLC0415
    from fhirpathpy.models import models  # noqa: PLC0415

    options = {"userInvocationTable": _FUNCTIONS, "traceFn": lambda *_: None, "returnRawData": False}
    model = models["r4"]

    def compile_(text: str) -> Compiled:
        compiled: Compiled = fhirpathpy.compile(text.replace(_AS_PRIMITIVE, "$this"), model, options)
        return compiled

    node: Callable[..., Any] = ResourceNode.create_node
    return compile_, node


def _matches(inputs: list[Any], regex: Any) -> list[bool]:  # noqa: ANN401 - a string, or an empty list
    if not inputs or not isinstance(regex, str):
        return []
    return [pattern.found(regex, str(inputs[0]))]


def _has_value(inputs: list[Any]) -> list[bool]:
    return [len(inputs) == 1 and inputs[0] is not None and not isinstance(inputs[0], dict)]


def _refused(*_: object) -> Any:  # noqa: ANN401 - never returns
    raise NotEvaluated


_FUNCTIONS: Final[Mapping[str, Any]] = {
    "matches": {"fn": _matches, "arity": {1: ["String"]}},
    "hasValue": {"fn": _has_value, "arity": {0: []}},
    **{name: {"fn": _refused, "arity": {1: ["Any"], 2: ["Any", "Any"]}} for name in ("replaceMatches", "matchesFull", "memberOf")},
    **{name: {"fn": _refused, "arity": {0: [], 1: ["Any"]}} for name in ("conformsTo", "resolve", "htmlChecks", "subsumes")},
}
"""What the engine must not do itself, or cannot: an expression that needs it is not evaluated."""
