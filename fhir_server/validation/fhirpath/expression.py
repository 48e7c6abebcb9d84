"""One expression, compiled when it is first evaluated; nothing of the engine is loaded before."""

from collections.abc import Callable, Mapping
from types import ModuleType
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
            answer = self._compiled(_engine().node(value, type_, shadow), {"resource": resource, "rootResource": resource})
        except Exception as error:  # the engine raises whatever comes up, plain Exception above all
            raise NotEvaluated(type(error).__name__) from error
        return not (isinstance(answer, list) and answer == [False])


def _compile(text: str) -> Compiled:
    """Compile ``text``. Raises NotEvaluated for what is too long to be a rule, and ValueError for what is none."""
    if len(text) > _MOST_TEXT:
        raise NotEvaluated
    made: Compiled = _engine().compiled(text.replace(_AS_PRIMITIVE, "$this"), _FUNCTIONS)
    return made


def _engine() -> ModuleType:
    from fhir_server.validation.fhirpath import engine  # noqa: PLC0415 - not for a hub without packages

    return engine


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
