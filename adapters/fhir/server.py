"""The questions that an adapter asks a FHIR server: all by POST where a person is named, and no further than its limits."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urlencode, urljoin, urlsplit, urlunsplit

from adapters.contract import Resource, Response, Source, SourceError, Transport
from adapters.fhir import outcomes
from adapters.fhir.capabilities import Capabilities, capabilities
from adapters.fhir.localised import base_of
from adapters.fhir.page import Page, page
from adapters.fhir.strict_json import read_resource

PAGES: Final = 20
_LARGEST: Final = 2_000_000  # bytes of all pages together
_MOST: Final = 10_000  # resources of all pages together
_ACCEPT: Final = {"Accept": "application/fhir+json", "Prefer": "handling=strict"}
_FORM: Final = {**_ACCEPT, "Content-Type": "application/x-www-form-urlencoded"}
_THREAD: Final = 50_000  # bytes from which reading is done beside the event loop
Form = Sequence[tuple[str, str]]


class FhirServer:
    """The server at the endpoint of ``source``; ``secrets`` are texts that may stand in no URL."""

    def __init__(self, source: Source, transport: Transport, secrets: Sequence[str]) -> None:
        self._base = source.endpoint.rstrip("/")
        self._transport = transport
        self._secrets = secrets
        self._largest = int(source.options.get("largest_answer", _LARGEST))
        self._most = int(source.options.get("most_resources", _MOST))

    @property
    def base(self) -> str:
        """Its address, in the form of ``localised.base_of``."""
        return base_of(self._base)

    async def capabilities(self) -> Capabilities:
        """Return what it can do; asked once within a request."""
        return await self._transport.once("capabilities", self._capabilities)

    async def patient(self, system: str, value: str) -> Resource | None:
        """Return the Patient with an identifier, None where it knows none; asked once within a request.

        Raises SourceError("wrong-patient") where it answers anybody else, "structure" where it knows several by one number.
        """
        return await self._transport.once(("patient", system, value), lambda: self._patient(system, value))

    async def read(self, reference: str) -> Resource | None:
        """Return what is at "Type/id", None where it is not there; asked once within a request."""
        return await self._transport.once(("read", reference), lambda: self._read(reference))

    async def search(self, type_: str, form: Form) -> list[Page]:
        """Return all pages of a search; SourceError("too-much") above the limits, "structure" for a link that leads away."""
        found: list[Page] = []
        size = number = 0
        response = await self._transport.post(f"{self._base}/{type_}/_search", urlencode(form).encode(), _FORM)
        while True:
            one = page(await _content(response))
            found.append(one)
            size, number = size + len(response.body), number + len(one.resources)
            if size > self._largest or number > self._most:
                raise SourceError("too-much", f"its pages are above {self._largest} bytes or {self._most} resources")
            if not one.following:
                return found
            if len(found) == PAGES:
                raise SourceError("too-much", f"it has more than {PAGES} pages")
            response = await self._transport.get(self._following(one.following), _ACCEPT)

    async def _capabilities(self) -> Capabilities:
        return capabilities(await _content(await self._transport.get(f"{self._base}/metadata", _ACCEPT)))

    async def _patient(self, system: str, value: str) -> Resource | None:
        form = [("identifier", f"{system}|{value}")]
        response = await self._transport.post(f"{self._base}/Patient/_search", urlencode(form).encode(), _FORM)
        found = [each for each in page(await _content(response)).resources if each["resourceType"] == "Patient"]
        if any((system, value) not in identifiers(each) for each in found):
            raise SourceError("wrong-patient", "the source answered another patient to a search by number")
        if len({str(each["id"]) for each in found}) > 1:
            raise SourceError("structure", "the source knows the number of the patient for several")
        return found[0] if found else None

    async def _read(self, reference: str) -> Resource | None:
        response = await self._transport.get(f"{self._base}/{reference}", _ACCEPT)
        if response.status in {404, 410}:
            return None
        found = await _content(response)
        if f"{found['resourceType']}/{found.get('id')}" != reference:
            raise SourceError("structure", "the source answered another resource than the one that was read")
        return found

    def _following(self, link: str) -> str:
        """Return the address of the next page: at the same server, and without a number of the patient in it."""
        here = urlsplit(self.base)
        try:
            url = urljoin(f"{self._base}/", link)
            there = urlsplit(base_of(url))
        except ValueError:
            raise SourceError("structure", "the link to the next page is no address") from None
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise SourceError("structure", "the link to the next page leads to another server")
        if any(secret in text for secret in self._secrets for text in (url, unquote(url))):
            raise SourceError("structure", "the link to the next page holds the number of the patient")
        return urlunsplit(urlsplit(url)._replace(scheme=urlsplit(self._base).scheme, netloc=urlsplit(self._base).netloc))


def identifiers(resource: Resource) -> list[tuple[str, str]]:
    """Return the identifiers of a resource as (system, value)."""
    held = resource.get("identifier")
    found = [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []
    return [(str(each.get("system", "")), str(each.get("value", ""))) for each in found if each.get("value")]


async def _content(response: Response) -> Resource:
    """Return the resource of an answer that may be used; SourceError for every other."""
    found = await (asyncio.to_thread(read_resource, response.body) if len(response.body) > _THREAD else _read_now(response.body))
    if found["resourceType"] == "OperationOutcome":
        raise outcomes.refused(found)
    if response.status != 200:  # noqa: PLR2004 - HTTP
        raise SourceError("unreachable", f"the source did not answer the request (HTTP {response.status})")
    return found


async def _read_now(body: bytes) -> Resource:
    return read_resource(body)
