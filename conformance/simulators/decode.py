"""TOML tables to dataclasses, by the dataclasses' own types."""

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Literal, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class UnusableData(Exception):
    """The data cannot be used; the text says where and why."""


def decode(kind: type[T], table: object, where: str = "") -> T:
    """Make a ``kind`` of a table; raise ``UnusableData`` for a missing, unknown or wrongly typed key."""
    if not isinstance(table, dict):
        raise UnusableData(f"{where or 'the file'} must be a table")
    hints = get_type_hints(kind)
    if unknown := table.keys() - hints.keys():
        raise UnusableData(f"{where or 'the file'} has unknown keys: {', '.join(sorted(unknown))}")
    known = fields(kind)  # type: ignore[arg-type]  # every caller passes a dataclass
    if missing := {each.name for each in known if each.default is MISSING} - table.keys():
        raise UnusableData(f"{where or 'the file'} lacks {', '.join(sorted(missing))}")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}".lstrip(".")) for name, value in table.items()})


def _value(kind: object, value: object, where: str) -> object:
    if isinstance(kind, UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise UnusableData(f"{where} must be an array")
        return tuple(_value(inner[0], each, f"{where}[{index}]") for index, each in enumerate(value))
    if origin is Literal:
        if value not in inner:
            raise UnusableData(f"{where} must be one of {', '.join(map(str, inner))}")
        return value
    plain = cast("type[object]", kind)
    if is_dataclass(plain):
        return decode(plain, value, where)
    if type(value) is not plain:
        raise UnusableData(f"{where} must be {plain.__name__}")
    return value
