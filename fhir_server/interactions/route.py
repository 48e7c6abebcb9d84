"""From method and path to the interaction they mean (https://hl7.org/fhir/R4/http.html#summary)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import BadRequest, NotAllowed, NotFound
from fhir_server.model.bsn import is_bsn
from fhir_server.model.reference import LOGICAL_ID

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_OF_VERSIONS: Final = frozenset({"history-instance", "history-type", "vread"})
_TYPE_AND_ID: Final = 2  # segments
_ANY: Final = "Resource"


class Route(NamedTuple):
    """An interaction, with the type, id and version that the path names ("" and 0 where it names none).

    ``within`` is the resource in whose compartment is searched ("Type/id"). Without a type it is about the whole system.
    """

    interaction: str
    type: str = ""
    id: str = ""
    version: int = 0
    within: str = ""


Operations = Mapping[tuple[str, str], Mapping[str, str]]
"""Operations by type and "$code": which method means which interaction.

The type is "" for those of the whole system, "Type/" for those of the type itself; "Resource" stands for every type.
"""
NO_OPERATIONS: Final[Operations] = {}
BUNDLE: Final = "batch"
"""A Bundle on the base: whether it is a batch or a transaction is known when it has been read."""
UPLOAD: Final = "attachment-upload"
DOWNLOAD: Final = "attachment-read"
_SEARCH = {"GET": "search-system", "HEAD": "search-system"}
_ON_BASE = {"POST": BUNDLE, **_SEARCH}
_OF_THE_SYSTEM = {
    ("_search",): ({"POST": "search-system"}, "_search"),
    ("_history",): ({"GET": "history-system", "HEAD": "history-system"}, "a history"),
    (): (_ON_BASE, "the base"),
}
# PUT, PATCH and DELETE on a type are conditional: the query names the resource.
_CONDITIONAL = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_TYPE = {"GET": "search-type", "HEAD": "search-type", "POST": "create", **_CONDITIONAL}
_ON_INSTANCE = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def route(
    catalog: Catalog,
    method: str,
    segments: tuple[str, ...],
    parameters: Sequence[tuple[str, str]] = (),
    operations: Operations = NO_OPERATIONS,
) -> Route:
    """Return what the request asks for; raises BadRequest, NotFound for no such path, NotAllowed for no such interaction.

    Of the ``parameters`` only ``_type`` counts: with it, ``Patient/1`` is a search of that compartment, as ``Patient/1/*`` is.
    """
    if segments == ("metadata",):
        return Route(_on({"GET": "capabilities", "HEAD": "capabilities"}, method, "metadata"))
    if segments in _OF_THE_SYSTEM:
        methods, place = _OF_THE_SYSTEM[segments]
        return Route(_on(methods, method, place))
    type_ = segments[0]
    if type_ not in catalog.types:
        if found := _without_type(method, segments, operations):
            return found
        _refuse_bsn(*segments)
        raise NotFound("No such path. The first part must be a resource type that /metadata lists.", detail="unknown-type")
    if segments[-1].startswith("$") and (found := _operation(method, segments, operations)):
        return found
    found = _compartment(catalog, method, segments) or _below(type_, method, segments[1:])
    if found.interaction == "read" and any(name == "_type" for name, _ in parameters):
        found = Route("search-system", within=f"{type_}/{found.id}")
    if not found.type:
        return found
    if found.interaction not in catalog.types[found.type].interactions:
        raise NotAllowed(_refusal(catalog, found.type, found.interaction))
    return found


def _without_type(method: str, segments: tuple[str, ...], operations: Operations) -> Route | None:
    match segments:
        case (code,) if ("", code) in operations:
            return Route(_on(operations["", code], method, code))
        case ("clients", team, "attachments"):
            return Route(_on({"POST": UPLOAD}, method, "the attachments of a team"), "CareTeam", _checked(team))
        case ("attachments", id_):
            return Route(_on({"GET": DOWNLOAD, "HEAD": DOWNLOAD}, method, "an attachment"), "", _checked(id_))
    return None


def _operation(method: str, segments: tuple[str, ...], operations: Operations) -> Route | None:
    match segments:
        case (type_, code) if (f"{type_}/", code) in operations:
            return Route(_on(operations[f"{type_}/", code], method, code), type_)
        case (type_, id_, code) if (type_, code) in operations:
            return Route(_on(operations[type_, code], method, code), type_, _checked(id_))
        case (type_, code) if (f"{_ANY}/", code) in operations:
            return Route(_on(operations[f"{_ANY}/", code], method, code), type_)
        case (type_, id_, code) if (_ANY, code) in operations:
            return Route(_on(operations[_ANY, code], method, code), type_, _checked(id_))
    return None


def _compartment(catalog: Catalog, method: str, segments: tuple[str, ...]) -> Route | None:
    if len(segments) <= _TYPE_AND_ID:
        return None
    match segments:
        case (type_, id_, "*"):
            return Route(_on(_SEARCH, method, "a compartment"), within=f"{type_}/{_checked(id_)}")
        case (type_, id_, "_search") | (type_, id_, "*", "_search"):
            return Route(_on({"POST": "search-system"}, method, "_search"), within=f"{type_}/{_checked(id_)}")
        case (type_, id_, other) if other in catalog.types:
            return Route(
                _on({"GET": "search-type", "HEAD": "search-type"}, method, other), other, within=f"{type_}/{_checked(id_)}"
            )
        case (type_, id_, other, "_search") if other in catalog.types:
            return Route(_on({"POST": "search-type"}, method, "_search"), other, within=f"{type_}/{_checked(id_)}")
    return None


def _below(type_: str, method: str, rest: tuple[str, ...]) -> Route:
    match rest:
        case ():
            return Route(_on(_ON_TYPE, method, type_), type_)
        case ("_search",):
            return Route(_on({"POST": "search-type"}, method, "_search"), type_)
        case ("_history",):
            return Route(_on({"GET": "history-type", "HEAD": "history-type"}, method, "a history"), type_)
        case (id_,) if not id_.startswith(("$", "_")):
            return Route(_on(_ON_INSTANCE, method, f"{type_}/id"), type_, _checked(id_))
        case (id_, "_history"):
            return Route(_on({"GET": "history-instance", "HEAD": "history-instance"}, method, "a history"), type_, _checked(id_))
        case (id_, "_history", version) if _VERSION.fullmatch(version) and not is_bsn(version):
            return Route(_on({"GET": "vread", "HEAD": "vread"}, method, "a version"), type_, _checked(id_), int(version))
    _refuse_bsn(*rest)
    raise NotFound("No such path below this type. /metadata lists what there is.", detail="unknown-path")


def _on(methods: Mapping[str, str], method: str, place: str) -> str:
    if method in methods:
        return methods[method]
    error = NotAllowed(f"{method} is not possible on {place}.")
    error.headers = ((b"allow", ", ".join(methods).encode()),)
    raise error


def _refusal(catalog: Catalog, type_: str, interaction: str) -> str:
    if catalog.types[type_].home == "published":
        return f"{type_} is what this server says of itself: it can be searched and read here, and not be written."
    if catalog.types[type_].home == "federated" and interaction == "search-type":
        return f"{type_} comes along with what refers to it, by '_include', and can be read. It is about nobody to ask for."
    if catalog.types[type_].home == "federated" and interaction in _OF_VERSIONS:
        return f"{type_} stays in the source systems: it has no versions here."
    if catalog.types[type_].home == "federated":
        return f"{type_} stays in the source systems: it can be asked for here, and not be written."
    return f"{interaction} is not possible on {type_}. /metadata lists what is."


def _checked(id_: str) -> str:
    if not LOGICAL_ID.fullmatch(id_) or id_ in {".", ".."}:  # these two are steps in a path: clients and proxies take them out
        raise BadRequest("A logical id has 1 to 64 letters, digits, hyphens and dots, and is no step in a path.", detail="bad-id")
    _refuse_bsn(id_)
    return id_


def _refuse_bsn(*segments: str) -> None:
    if any(map(is_bsn, segments)):
        raise BadRequest("A BSN does not belong in a URL. Use POST [type]/_search with the identifier.", detail="bsn-in-url")
