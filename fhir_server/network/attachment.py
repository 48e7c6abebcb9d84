"""Attachments of messages, as rules: what may be attached (``profiles/attachments.toml``), its name, and which message names it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final
from unicodedata import category, normalize

from fhir_server.model.bsn import is_bsn

MESSAGES: Final = ("Communication", "CommunicationRequest")
"""The types to which a file can be attached."""
HEAD: Final = 1_024
"""So many bytes of a file tell what it is."""
_UNTOLD: Final = frozenset({"", "application/octet-stream"})
_LONGEST_NAME: Final = 120  # characters
_BLANK: Final = b" \t\r\n\f\0\xef\xbb\xbf"
_ID: Final = re.compile(r"[A-Za-z0-9]{16,64}")
_DIGITS: Final = re.compile(r"(?<!\d)\d{9}(?!\d)")
_UNFIT: Final = re.compile(r'[<>:"|?*\\/]')


@dataclass(frozen=True, slots=True)
class Kinds:
    """What may be attached: media types with the beginnings of their files (none: text) and the ending of their names.

    ``never`` are beginnings that nothing may have, ``markup`` those of text, in lower case.
    """

    types: Mapping[str, tuple[tuple[re.Pattern[bytes], ...], str]]
    never: tuple[re.Pattern[bytes], ...]
    markup: tuple[bytes, ...]

    def declared(self, media: str, head: bytes) -> str:
        """Return the media type that ``media`` (a header Content-Type) says, "" for one that is not taken.

        Where it says nothing, it is the one type of which a file begins like ``head``.
        """
        name = media.partition(";")[0].strip().lower()
        if name not in _UNTOLD:
            return name if name in self.types else ""
        fits = [each for each, (begins, _) in self.types.items() if any(one.match(head) for one in begins)]
        return fits[0] if len(fits) == 1 else ""

    def fits(self, media: str, head: bytes) -> bool:
        """Tell whether a file that begins with ``head`` can be of the type ``media``, and is nothing that runs."""
        if any(each.match(head) for each in self.never) or head.lstrip(_BLANK).lower().startswith(self.markup):
            return False
        begins = self.types[media][0]
        return any(each.match(head) for each in begins) if begins else b"\0" not in head

    def name(self, given: str, media: str) -> str:
        """Return a name that no system takes for anything else: without folders, signs that mislead, or numbers of people."""
        last = normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
        plain = "".join(each for each in last if category(each)[0] not in "CZ" or each == " ")
        masked = _DIGITS.sub(lambda found: "x" * 9 if is_bsn(found[0]) else found[0], _UNFIT.sub("_", plain))
        stem, dot, ending = masked.strip(" .").rpartition(".")
        kept = f"{stem[: _LONGEST_NAME - 11]}{dot}{ending[:10]}" if stem else ending[:_LONGEST_NAME]
        return kept or f"attachment.{self.types[media][1]}"


@cache
def kinds() -> Kinds:
    """Return what may be attached."""
    tables = tomllib.loads(files("profiles").joinpath("attachments.toml").read_text(encoding="utf-8"))
    types = {name: (tuple(map(_beginning, each.get("begins", ()))), each["ends"]) for name, each in tables["types"].items()}
    never = tables["never"]
    return Kinds(types, tuple(map(_beginning, never["begins"])), tuple(each.encode() for each in never["text"]))


def _beginning(pattern: str) -> re.Pattern[bytes]:
    pairs = (pattern[at : at + 2] for at in range(0, len(pattern), 2))
    return re.compile(b"".join(b"." if each == "??" else re.escape(bytes.fromhex(each)) for each in pairs), re.DOTALL)


def attached(message: Mapping[str, Any], base: str) -> Iterator[tuple[str, str]]:
    """Yield the FHIRPath and the id of each attachment of this server that ``message`` names; "" for what can be no id.

    A relative URL counts from ``base``, the FHIR base (https://hl7.org/fhir/R4/datatypes.html#Attachment).
    """
    type_ = message.get("resourceType")
    for index, payload in enumerate(message.get("payload", ())):
        content = payload.get("contentAttachment")
        url = content.get("url") if isinstance(content, Mapping) else None
        relative = url.removeprefix(f"{base}/") if isinstance(url, str) else ""
        if relative.startswith("attachments/"):
            id_ = relative.removeprefix("attachments/")
            yield f"{type_}.payload[{index}].contentAttachment.url", id_ if _ID.fullmatch(id_) else ""
