"""Which format a request is in and which one its answer takes (https://hl7.org/fhir/R4/http.html#mime-type)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from fhir_server.errors import NotAcceptable, UnsupportedMedia
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
_PATCHES: dict[str, PatchFormat] = {
    "application/json-patch+json": "json-patch",
    "application/merge-patch+json": "merge-patch",
    "application/json": "json",
    "application/fhir+json": "json",
    "application/fhir+xml": "parameters",
}
_ANY = {"*/*", "application/*"}
_ASK_FOR = "Ask for application/fhir+json or application/fhir+xml."


class Wanted(NamedTuple):
    """The format of the answer, and whether people are to read it."""

    format: Format = "json"
    pretty: bool = False


def wanted(accept: str, parameters: Sequence[tuple[str, str]]) -> Wanted:
    """Choose the format: ``_format`` over the Accept header over JSON. Raises NotAcceptable when none is spoken here."""
    given = dict(parameters) if parameters else {}
    pretty = given.get("_pretty") == "true"
    if "_format" in given:
        name = given["_format"].replace(" ", "+")
        chosen = _NAMES.get(_media_type(name)[0])
        if chosen is None:
            raise NotAcceptable(f"The _format is not spoken here. {_ASK_FOR}")
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
    choices = [_media_type(part) for part in accept.split(",") if part.strip()]
    if not choices:
        return "json"
    for name, quality in sorted(choices, key=lambda choice: -choice[1]):
        if quality > 0 and (name in _ANY or name in _NAMES):
            return _NAMES.get(name, "json")
    raise NotAcceptable(f"None of the accepted formats is spoken here. {_ASK_FOR}")


@lru_cache(maxsize=256)
def _media_type(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "fhirVersion" and not value.strip('"').startswith("4.0"):
            raise NotAcceptable("This server speaks FHIR 4.0 only.")
        if key.strip() == "q":
            quality = _quality(value)
    return name.lower(), quality


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def format_of_body(content_type: str) -> Format:
    """Return the format that a body is in; raises UnsupportedMedia."""
    if not content_type:
        raise UnsupportedMedia("The request has a body and no Content-Type. Send application/fhir+json or application/fhir+xml.")
    name = _media_type(content_type)[0]
    if name not in _NAMES or not _utf8(content_type):
        raise UnsupportedMedia(
            "This Content-Type is not spoken here. Send application/fhir+json or application/fhir+xml, in UTF-8."
        )
    return _NAMES[name]


def format_of_patch(content_type: str) -> PatchFormat:
    """Return how a patch is to be read; raises UnsupportedMedia, with Accept-Patch (RFC 5789)."""
    found = _PATCHES.get(_media_type(content_type)[0])
    if found is None or not _utf8(content_type):
        known = ", ".join(_PATCHES)
        error = UnsupportedMedia(f"A patch in this Content-Type is not understood here. Send one of {known}, in UTF-8.")
        error.headers = ((b"accept-patch", known.encode()),)
        raise error
    return found


def _utf8(content_type: str) -> bool:
    charset = content_type.lower().partition("charset=")[2].strip("\"' ;")
    return not charset or charset in {"utf-8", "utf8"}
