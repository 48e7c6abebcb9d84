"""The entries of a batch or transaction: each is a request of its own (https://hl7.org/fhir/R4/bundle.html#bundle-unique)."""

from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from fhir_server import validation
from fhir_server.errors import BadRequest, FhirError, Issue, NotAllowed, TooLarge, Unprocessable
from fhir_server.interactions.admission import admit
from fhir_server.interactions.call import WHOLE_SYSTEM, Call, Headers, PatchFormat, resource_type_of
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.route import route
from fhir_server.interactions.touched import Touched
from fhir_server.model.json import write
from fhir_server.model.meta import http_date
from fhir_server.search.query_string import parse_query

_CRITERIA = frozenset({"create", "update", "patch", "delete"})
_NEED_A_RESOURCE = frozenset({"create", "update", "patch"})
_PATCHES: Final[Mapping[str, PatchFormat]] = {
    "application/json-patch+json": "json-patch",
    "application/merge-patch+json": "merge-patch",
}
_MICROSECONDS = 1_000_000


class EntryHeaders:
    """The headers of an entry's request: those that Bundle.entry.request has a field for, and the Prefer of the whole request."""

    def __init__(self, request: Mapping[str, Any], outer: Headers) -> None:
        """Take them from ``request`` and ``outer``."""
        self._values: dict[str, str] = {header: request[name] for name, header in _HEADERS.items() if name in request}
        if "ifModifiedSince" in request:
            self._values["if-modified-since"] = _http_date(request["ifModifiedSince"])
        if "prefer" in outer:
            self._values["prefer"] = outer.get("prefer")

    def get(self, name: str, /) -> str:
        """Return the value of a header."""
        return self._values.get(name, "")

    def __contains__(self, name: str, /) -> bool:
        """Tell whether the header is there."""
        return name in self._values


def _http_date(text: str) -> str:
    """Return the instant ``text`` as an HTTP date; "" when no calendar has it: such a condition counts for nothing."""
    try:
        return http_date(int(datetime.fromisoformat(text).timestamp()) * _MICROSECONDS)
    except (ValueError, OverflowError):
        return ""


_HEADERS = {"ifNoneMatch": "if-none-match", "ifMatch": "if-match", "ifNoneExist": "if-none-exist"}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as it was sent; ``full_url`` is "" and ``resource`` None where there is none."""

    index: int
    full_url: str
    request: Mapping[str, Any]
    resource: Mapping[str, Any] | None

    @property
    def place(self) -> str:
        """The FHIRPath of the entry."""
        return f"Bundle.entry[{self.index}]"


def items(bundle: Mapping[str, Any], most: int) -> list[Item]:
    """Return the entries; raises TooLarge above ``most``, Unprocessable when the Bundle itself, resources apart, is not valid."""
    entries = bundle.get("entry", [])
    if isinstance(entries, list) and len(entries) > most:
        text = f"The Bundle has {len(entries)} entries; at most {most} are taken. Send it in parts."
        raise TooLarge(text, expression="Bundle.entry", detail="too-many-entries")
    _check(bundle, entries)
    return [Item(i, each.get("fullUrl", ""), each["request"], each.get("resource")) for i, each in enumerate(entries)]


def _check(bundle: Mapping[str, Any], entries: object) -> None:
    """Check the envelope. The resources are left out: they are checked one by one, as the body of their request."""
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        validation.check(bundle)
        raise Unprocessable("Bundle.entry is an array of objects.", expression="Bundle.entry")
    _differ(entries)
    for index, each in enumerate(entries):
        if not isinstance(each.get("request"), dict):
            raise Unprocessable("An entry needs a request: its method and url.", expression=f"Bundle.entry[{index}].request")
        if "resource" in each and not isinstance(each["resource"], dict):
            raise Unprocessable("A resource is a JSON object.", expression=f"Bundle.entry[{index}].resource")
    if entries:
        bare = [{name: value for name, value in each.items() if name != "resource"} for each in entries]
        bundle = {**bundle, "entry": bare}
    validation.check(bundle)
    for index, each in enumerate(entries):
        for name in ("method", "url"):
            if name not in each["request"]:  # an extension alone is valid FHIR, and says nothing here
                raise Unprocessable(f"A request needs a {name}.", expression=f"Bundle.entry[{index}].request.{name}")


def _differ(entries: Iterable[Mapping[str, Any]]) -> None:
    urls = [url if isinstance(url := each.get("fullUrl"), str) else "" for each in entries]
    times = Counter(urls)
    for index, url in enumerate(urls):
        if url and times[url] > 1:
            raise BadRequest(
                "Two entries have this fullUrl. Give every entry one of its own.",
                expression=f"Bundle.entry[{index}].fullUrl",
                detail="duplicate-identity",
            )


_ALONE: Final = "This is not possible within a Bundle. Send it as a request of its own."


def call_of(outer: Call, item: Item) -> Call:
    """Return the request of ``item`` as if it had come alone; raises what such a request would be refused with."""
    method, url = item.request["method"], item.request["url"]
    path, _, query = _relative(url, outer.services.base).partition("?")
    segments = _segments(path)
    parameters = parse_query(query.encode())
    if segments and segments[-1].startswith("$"):
        raise NotAllowed(_ALONE)
    found = route(outer.services.catalog, method, segments, parameters)
    if found.interaction not in HANDLERS:
        raise NotAllowed(_ALONE)
    if found.interaction in _NEED_A_RESOURCE and item.resource is None:
        raise BadRequest(f"{method} needs a resource in the entry.", expression="Bundle.entry.resource")
    call = replace(
        outer,
        interaction=found.interaction,
        entry=outer.services.catalog.types.get(found.type, WHOLE_SYSTEM),
        id=found.id,
        version=found.version,
        within=found.within,
        parameters=parameters,
        headers=EntryHeaders(item.request, outer.headers),
        body=b"",
        posted=found.interaction in _CRITERIA,
        touched=Touched(),
        warnings=[],
    )
    admit(call)
    if item.resource is not None:
        give_body(call, item.resource)
    return call


def give_body(call: Call, resource: Mapping[str, Any]) -> None:
    """Make ``resource`` the body of ``call``.

    A patch comes as Parameters (FHIRPath Patch), or packed in a Binary that has the contentType of another patch language; raises
    BadRequest for any other resource.
    """
    call.body = write(resource)
    if call.interaction != "patch":
        return
    type_ = resource_type_of(resource)
    if type_ == "Parameters":
        call.patch = "parameters"
        return
    language = _PATCHES.get(str(resource.get("contentType"))) if type_ == "Binary" else None
    if language is None:
        text = f"A patch in a Bundle is a Parameters resource, or a Binary whose contentType is {' or '.join(_PATCHES)}."
        raise BadRequest(text, expression="Bundle.entry.resource")
    validation.check(resource)
    call.patch, call.body = language, b64decode(resource.get("data", ""))


def _relative(url: str, base: str) -> str:
    if url.startswith(base + "/"):
        return url[len(base) + 1 :]
    if "://" in url.partition("?")[0]:
        raise BadRequest("The url of a request is relative, such as Patient/1, or begins with the base of this server.")
    return url


def _segments(path: str) -> tuple[str, ...]:
    try:
        return tuple(unquote(part, errors="strict") for part in path.split("/") if part)
    except UnicodeDecodeError as error:
        raise BadRequest("The path must be percent-encoded UTF-8.") from error


@contextmanager
def placed(item: Item) -> Iterator[None]:
    """Let an error of the block say in which entry it is."""
    try:
        yield
    except FhirError as error:
        error.issues = tuple(_placed(issue, item.place) for issue in error.issues)
        raise


def _placed(issue: Issue, place: str) -> Issue:
    return replace(issue, expression=expression_at(place, issue.expression))


def expression_at(place: str, expression: str) -> str:
    """Return the FHIRPath in the Bundle of what is at ``expression`` in the entry at ``place``."""
    head, dot, rest = expression.partition(".")
    if expression.startswith("Bundle.entry."):
        return place + expression.removeprefix("Bundle.entry")
    if not head:
        return place
    return f"{place}.resource{dot}{rest}" if head[0].isupper() else f"{place}.resource.{expression}"
