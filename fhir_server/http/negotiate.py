"""Which format a request is in and which one its answer takes (https://hl7.org/fhir/R4/http.html#mime-type)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from fhir_server.errors import BadRequest, NotAcceptable, UnsupportedMedia
from fhir_server.http.quality import quality
from fhir_server.interactions.call import PatchFormat

Format = Literal["json", "xml"]

_NAMES: dict[str, Format] = {
    "json": "json",
    "application/json": "json",
    "application/fhir+json": "json",
    "text/json": "json",
    "xml": "xml",
    "application/xml": "xml",
    "application/fhir+xml": "xml",
    "text/xml": "xml",
}
FHIR = frozenset({"application/fhir+json", "application/fhir+xml"})
GENERIC = frozenset({"application/json", "application/xml", "text/json", "text/xml"})
_PATCHES: dict[str, PatchFormat] = {
    "application/json-patch+json": "json-patch",
    "application/merge-patch+json": "merge-patch",
    "application/json": "json",
    "application/fhir+json": "json",
    "application/fhir+xml": "parameters",
}
_FORMATS: tuple[Format, ...] = ("json", "xml")
_ANY = {"*/*", "application/*"}
_VERSION = "4.0"
_PRETTY = {"true": True, "false": False}
_ASK_FOR = "Ask for application/fhir+json or application/fhir+xml."


class Wanted(NamedTuple):
    """The format of the answer, and whether people are to read it."""

    format: Format = "json"
    pretty: bool = False


def wanted(accept: str, parameters: Sequence[tuple[str, str]]) -> Wanted:
    """Choose the format: ``_format`` over the Accept header over JSON.

    Raises NotAcceptable when the header names none that is spoken here, BadRequest for such a ``_format``.
    """
    given = dict(parameters) if parameters else {}
    pretty = _PRETTY.get(given.get("_pretty", "false"))
    if pretty is None:
        raise BadRequest("'_pretty' can be true or false.", detail="search-value")
    if "_format" in given:
        name, _, version = media_type(given["_format"])
        chosen = _NAMES.get(name.replace(" ", "+"))
        if chosen is None or not version.startswith(_VERSION):
            raise BadRequest(f"The _format is not spoken here. {_ASK_FOR}", detail=NotAcceptable.detail)
        return Wanted(chosen, pretty)
    return Wanted(_accepted(accept), pretty)


def accepted(accept: str) -> Wanted:
    """Return the format that the Accept header alone asks for, JSON where it asks for none: for what fails before it is chosen."""
    try:
        return Wanted(_accepted(accept))
    except NotAcceptable:
        return Wanted()


@lru_cache(maxsize=256)
def _accepted(accept: str) -> Format:
    """Return the format that weighs most; one that is named counts for what is said of it, any other for what ``*/*`` says."""
    choices = [part for part in accept.split(",") if part.strip()]
    if not choices:
        return "json"
    named: dict[Format, float] = {}
    others = 0.0
    for part in choices:
        name, weight, version = media_type(part)
        if not version.startswith(_VERSION):
            continue
        if name in _NAMES:
            named[_NAMES[name]] = max(weight, named.get(_NAMES[name], 0.0))
        elif name in _ANY:
            others = max(weight, others)
    weights: dict[Format, float] = {**named, **{each: others for each in _FORMATS if each not in named}}
    best = max(weights, key=weights.__getitem__)
    if weights[best] <= 0:
        raise NotAcceptable(f"None of the accepted formats is spoken here, in FHIR {_VERSION}. {_ASK_FOR}")
    return best


@lru_cache(maxsize=256)
def media_type(text: str) -> tuple[str, float, str]:
    """Return the name, the weight, and the version of FHIR (ours unless another is named: http.html#version-parameter)."""
    name, *parameters = (part.strip() for part in text.split(";"))
    version = _VERSION
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "fhirversion":
            version = value.strip(' "')
    return name.lower(), quality(parameters), version


def format_of_body(content_type: str) -> Format:
    """Return the format that a body is in; raises UnsupportedMedia."""
    if not content_type:
        raise UnsupportedMedia("The request has a body and no Content-Type. Send application/fhir+json or application/fhir+xml.")
    name, _, version = media_type(content_type)
    if name not in _NAMES or not _utf8(content_type) or not version.startswith(_VERSION):
        text = "This Content-Type is not spoken here. Send application/fhir+json or application/fhir+xml, in UTF-8"
        raise UnsupportedMedia(f"{text}, in FHIR {_VERSION}.")
    return _NAMES[name]


def format_of_patch(content_type: str) -> PatchFormat:
    """Return how a patch is to be read; raises UnsupportedMedia, with Accept-Patch (RFC 5789)."""
    found = _PATCHES.get(media_type(content_type)[0])
    if found is None or not _utf8(content_type):
        known = ", ".join(_PATCHES)
        error = UnsupportedMedia(f"A patch in this Content-Type is not understood here. Send one of {known}, in UTF-8.")
        error.headers = ((b"accept-patch", known.encode()),)
        raise error
    return found


def _utf8(content_type: str) -> bool:
    charset = content_type.lower().partition("charset=")[2].strip("\"' ;")
    return not charset or charset in {"utf-8", "utf8"}
