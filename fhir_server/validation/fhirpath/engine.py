"""The engine, as this server uses it: imported with the first expression, since that takes a fifth of a second and 30 MB.

It stops by itself after ``_MOST_STEPS``: an expression of a package may ask for more than anybody will wait for.
Two things of it are replaced. It took a primitive value and the extensions beside it (``given`` and ``_given``) for two values, so
that ``given.count()`` was 2 and ``given = 'A'`` false; and it read as much of a text as it understood, and left the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import local
from typing import Any, Final

from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker, Token  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from fhirpathpy import apply_parsed_path
from fhirpathpy.engine import do_eval
from fhirpathpy.engine.evaluators import create_reduce_member_invocation, evaluators, member_invocation
from fhirpathpy.engine.invocations import invocation_registry
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser.ASTPathListener import ASTPathListener
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

Node = Any
"""A value with its type, as the engine has it."""
Functions = Mapping[str, Mapping[str, Any]]
_MODEL: Mapping[str, Any] = models["r4"]
_MOST_STEPS: Final = 500_000  # about a second
_taken = local()


def compiled(text: str, functions: Functions) -> Callable[[Node, Mapping[str, Any]], Sequence[Any]]:
    """Return ``text`` as a function of a node and the variables, which raises ValueError after too many steps.

    Raises ValueError when it is no expression.
    """
    parsed, options = _parsed(text), {"userInvocationTable": functions, "traceFn": lambda *_: None}

    def evaluate(value: Node, variables: Mapping[str, Any]) -> Sequence[Any]:
        _taken.steps = 0
        answer: Sequence[Any] = apply_parsed_path(value, parsed, variables, _MODEL, options)  # type: ignore[no-untyped-call]
        return answer

    return evaluate


def node(value: Any, type_: str, shadow: Mapping[str, Any] | None) -> Node:  # noqa: ANN401 - JSON
    """Return a value with its type, and with what stands beside it."""
    made: Node = ResourceNode.create_node(value, type_, shadow)  # type: ignore[no-untyped-call]
    return made


def _parsed(text: str) -> Mapping[str, Any]:
    lexer = FHIRPathLexer(InputStream(text))
    tokens = CommonTokenStream(lexer)
    parser, listener = FHIRPathParser(tokens), ASTPathListener()  # type: ignore[no-untyped-call]
    for each in (lexer, parser):
        each.removeErrorListeners()
        each.addErrorListener(_Strict())
    ParseTreeWalker().walk(listener, parser.expression())
    if tokens.LA(1) != Token.EOF:
        raise ValueError("something is left after the expression")
    parsed: Mapping[str, Any] = listener.parentStack[0]
    return parsed


class _Strict(ErrorListener):  # type: ignore[misc]
    """Takes no expression that is not wholly one."""

    def syntaxError(self, *_: object) -> None:  # noqa: N802 - the parser's name
        raise ValueError("no expression")


def _members(context: dict[str, Any], parents: Any, syntax: Mapping[str, Any]) -> Any:  # noqa: ANN401 - nodes
    """Return what is under a name: each value as one node, with what stands beside it."""
    key = str(do_eval(context, parents, syntax["children"][0])[0]).replace("`", "")  # type: ignore[no-untyped-call]
    if not isinstance(parents, list) or key[:1].isupper():
        return member_invocation(context, parents, syntax)  # type: ignore[no-untyped-call]
    below = create_reduce_member_invocation(context["model"], key)  # type: ignore[no-untyped-call]
    found: list[Any] = []
    for each in parents:
        parent = node(each, "", None)
        if key == "extension" and parent._data and not isinstance(parent.data, Mapping):  # noqa: SLF001 - its only way to hold it
            found += [node(one, "Extension", None) for one in parent._data.get("extension", ())]  # noqa: SLF001
        else:
            found += _joined(below([], parent), parent.data, key)
    return found


def _joined(found: list[Any], data: Any, key: str) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the nodes ``found`` under ``key`` with values and what stands beside them as one."""
    if not found or not isinstance(data, Mapping):
        return found
    names = [name for name in data if name.startswith("_" + key)]
    name = next((each for each in names if len(each) == len(key) + 1 or each[len(key) + 1].isupper()), None)
    if name is None:
        return found
    values, shadows = _listed(data.get(name[1:])), _listed(data[name])
    made = []
    for index in range(max(len(values), len(shadows))):
        value = values[index] if index < len(values) else None
        shadow = shadows[index] if index < len(shadows) else None
        if value is not None or shadow is not None:
            made.append(node(shadow if value is None else value, found[0].path, shadow))
    return made


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [] if value is None else [value]


def _extension(_context: object, found: Sequence[Any], url: str) -> list[Any]:
    """Return the extensions with this URL, of primitive values too."""
    holders = (each.data if isinstance(each.data, Mapping) else each._data or {} for each in map(_as_node, found))  # noqa: SLF001
    extensions = (one for holder in holders for one in holder.get("extension", ()))
    return [node(one, "Extension", None) for one in extensions if one.get("url") == url]


def _as_node(value: Any) -> Node:  # noqa: ANN401 - JSON or a node
    return node(value, "", None)


def _counted(evaluator: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``evaluator`` so that each step counts, and each value that it finds."""

    def counted(context: dict[str, Any], parents: Any, syntax: Mapping[str, Any]) -> Any:  # noqa: ANN401 - nodes
        found = evaluator(context, parents, syntax)
        _taken.steps += 1 + (len(found) if isinstance(found, list) else 0)
        if _taken.steps > _MOST_STEPS:
            raise ValueError("too many steps")
        return found

    return counted


evaluators["MemberInvocation"] = _members
evaluators.update({name: _counted(each) for name, each in evaluators.items()})
invocation_registry["extension"] = {"fn": _extension, "arity": {1: ["String"]}}
