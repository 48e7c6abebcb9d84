"""A part of a resource, as ``_summary`` and ``_elements`` ask for it (https://hl7.org/fhir/R4/search.html#summary, #elements).

What is left out leaves no trace but the tag SUBSETTED, so that nobody takes the part for the whole. What is shown keeps the text in
which it is stored, decimals above all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.model.shape import Child, Shape, shape_of

SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS: Final = ("resourceType", "id", "meta")


class Wish(Protocol):
    """What is to be shown of an element: asked for each of its children."""

    def of(self, child: Child, /) -> "Wish | None":
        """Return what is to be shown of ``child``; None is nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything."""

    def of(self, _: Child, /) -> Wish | None:
        """Return everything."""
        return self


@dataclass(frozen=True, slots=True)
class Summary:
    """What the definitions mark as summary, at every depth (``_summary=true``)."""

    def of(self, child: Child, /) -> Wish | None:
        """Return the summary of what belongs to one."""
        return self if child.summary or child.needed else None


@dataclass(frozen=True, slots=True)
class Text:
    """The narrative and what may not be missing (``_summary=text``)."""

    def of(self, child: Child, /) -> Wish | None:
        """Return the narrative, and the needed elements whole."""
        return WHOLE if child.name == "text" or child.needed else None


@dataclass(frozen=True, slots=True)
class Data:
    """Everything but the narrative (``_summary=data``)."""

    def of(self, child: Child, /) -> Wish | None:
        """Return all but the narrative."""
        return None if child.name == "text" else WHOLE


@dataclass(frozen=True, slots=True)
class Names:
    """The elements named, each with what is wanted of it, and what may not be missing (``_elements``)."""

    wanted: Mapping[str, Wish]

    def of(self, child: Child, /) -> Wish | None:
        """Return what is wanted of ``child``; one name stands for all types of a choice."""
        found = self.wanted.get(child.name) or self.wanted.get(base_name(child))
        return found or (WHOLE if child.needed else None)


WHOLE: Final = Whole()


def base_name(child: Child) -> str:
    """Return the name of an element without its type: "value" of ``valueQuantity``."""
    return child.path.rpartition(".")[2].removesuffix("[x]")


def subset(body: bytes, wish: Wish) -> bytes:
    """Return the part of the resource ``body`` that ``wish`` asks for, tagged as such; byte for byte when that is everything.

    ``resourceType``, ``id`` and ``meta`` always stay, and so do the contained resources that what is shown refers to.
    """
    if wish is WHOLE:
        return body
    document = read(body, OWN)
    resource = document.resource
    shape = shape_of(resource["resourceType"], resource["resourceType"])
    shown = _members(resource, wish, shape)
    if "contained" in resource and "contained" not in shown:
        shown |= _referred(resource["contained"], shown)
    head = {name: resource[name] for name in _ALWAYS if name in resource}
    head["meta"] = tagged(head.get("meta", {}))
    rest = b"".join(
        b",%b:%b" % (write(name), document.members[name].encode() if shown[name] == resource[name] else write(shown[name]))
        for name in document.members
        if name in shown and name not in _ALWAYS
    )
    return write(head)[:-1] + rest + b"}"


def tagged(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``meta`` of a resource that is shown in part."""
    tags = meta.get("tag", [])
    return {**meta, "tag": tags if _has_tag(tags) else [*tags, SUBSETTED]}


def _members(value: Mapping[str, Any], wish: Wish, shape: Shape) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, each in value.items():
        child = shape.members.get(name.removeprefix("_"))
        inner = wish.of(child) if child else None
        part = _part(each, inner, child) if child and inner else None
        if part is not None:
            shown[name] = part
    return shown


def _part(value: Any, wish: Wish, child: Child) -> Any:  # noqa: ANN401 - JSON
    """Return what is to be shown of one member, None for nothing. A needed one never becomes empty, for that would not be valid."""
    if wish is WHOLE or child.kind != "complex" or child.type == "Extension":
        return value
    if isinstance(value, list):
        part: Any = [item for each in value if (item := _element(each, wish, child.shape))]
    else:
        part = _element(value, wish, child.shape)
    return part or (value if child.needed else None)


def _element(value: Any, wish: Wish, shape: Shape) -> dict[str, Any]:  # noqa: ANN401 - JSON
    shown = _members(value, wish, shape)
    if not shown and "extension" in value:  # it may be all that is said, such as why there is no value
        shown["extension"] = value["extension"]
    return shown


def _referred(contained: Iterable[Mapping[str, Any]], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return, as a member, the contained resources that ``shown`` refers to, directly or by way of each other."""
    by_id = {each["id"]: each for each in contained if "id" in each}
    reached: set[str] = set()
    waiting: list[Any] = [shown]
    while waiting:
        new = {id_ for id_ in _fragments(waiting.pop()) if id_ in by_id} - reached
        reached |= new
        waiting += [by_id[id_] for id_ in new]
    kept = [each for each in contained if each.get("id") in reached]
    return {"contained": kept} if kept else {}


def _fragments(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the ids that references and urls within the same resource name."""
    if isinstance(value, str):
        if value.startswith("#"):
            yield value[1:]
        return
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inside:
        yield from _fragments(each)


def _has_tag(tags: Iterable[Mapping[str, Any]]) -> bool:
    return any(each.get("code") == SUBSETTED["code"] and each.get("system") == SUBSETTED["system"] for each in tags)


def is_part(resource: Mapping[str, Any]) -> bool:
    """Tell whether a valid ``resource`` says that it is a part of one: stored, it would take the place of the whole."""
    return _has_tag(resource.get("meta", {}).get("tag", ()))
