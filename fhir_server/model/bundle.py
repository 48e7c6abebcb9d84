"""Searchset Bundles, put together from stored bytes (https://hl7.org/fhir/R4/bundle.html)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import orjson

Mode = Literal["match", "include", "outcome"]


class Entry(NamedTuple):
    """One entry: the resource's own JSON, its full URL (plain URL characters; "" for an outcome), and why it is there."""

    full_url: str
    body: bytes
    mode: Mode


class Link(NamedTuple):
    """One link of a Bundle."""

    relation: Literal["self", "next"]
    url: str


def searchset(entries: Sequence[Entry], links: Sequence[Link], total: int | None) -> bytes:
    """Return the JSON of a searchset; resources go in byte for byte, and ``total`` is left out when it is not known."""
    head = b'{"resourceType":"Bundle","type":"searchset"'
    if total is not None:
        head += b',"total":%d' % total
    if links:
        head += b',"link":' + orjson.dumps([{"relation": link.relation, "url": link.url} for link in links])
    if not entries:
        return head + b"}"
    return head + b',"entry":[' + b",".join(map(_entry, entries)) + b"]}"


def _entry(entry: Entry) -> bytes:
    if not entry.full_url:
        return b'{"resource":%b,"search":{"mode":"%b"}}' % (entry.body, entry.mode.encode())
    return b'{"fullUrl":"%b","resource":%b,"search":{"mode":"%b"}}' % (entry.full_url.encode(), entry.body, entry.mode.encode())
