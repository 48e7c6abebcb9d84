"""The raw text of a query, or of a search form, as name and value pairs."""

import re
from urllib.parse import unquote_to_bytes

from fhir_server.errors import BadRequest

MAX_PAIRS = 200
_PLAIN = re.compile(rb"[!-$&-~]*")  # printable ASCII without "%": nothing to decode, nothing to refuse
_PLUS = re.compile(
    rb"""(?P<kept>
        (?<=[0-9])\+(?=[0-9])                            # 10:00+02:00, 06+1234
      | (?<=[0-9][eE])\+(?=[0-9])                        # 1e+2
      | (?:^|(?<=[,|]))\+ | \+(?=[,|]|$)                 # +31, O+
      | (?:^|(?<=[,|]))[a-z]+(?:/|%2[Ff])[A-Za-z0-9.-]+\+ # application/fhir+json
      | \+(?=[^+,|]*(?:@|%40))                           # name+tag@mail.example
    ) | \+""",
    re.VERBOSE,
)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parse_query(raw: bytes, *, form: bool = False) -> list[tuple[str, str]]:
    """Decode ``raw`` to (name, value) pairs in the order given; ``;`` separates nothing.

    A plus sign is a space, as many clients write one, but where none can be meant (``_PLUS``: dates with a zone come unescaped); in
    a ``form`` (application/x-www-form-urlencoded body of POST _search) it always is. Raises BadRequest for text that is no
    percent-encoded UTF-8, has control characters or too many pairs.
    """
    parts = [part for part in raw.split(b"&") if part]
    if len(parts) > MAX_PAIRS:
        raise BadRequest(f"The query has {len(parts)} parameters; at most {MAX_PAIRS} are allowed.", detail="query-too-long")
    return [_pair(part.replace(b"+", b" ") if form else part) for part in parts]


def _pair(part: bytes) -> tuple[str, str]:
    name, _, value = part.partition(b"=")
    return _decode(name), _decode(_PLUS.sub(_space, value) if b"+" in value else value)


def _space(plus: re.Match[bytes]) -> bytes:
    return plus["kept"] or b" "


def _decode(raw: bytes) -> str:
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    if _BAD_ESCAPE.search(raw):
        raise BadRequest("A '%' in the query is not followed by two hexadecimal digits; write '%25' for a percent sign.")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadRequest("The query is not UTF-8; percent-encode the UTF-8 bytes of each character.") from None
    if any(char < " " or char == "\x7f" for char in text):
        raise BadRequest("The query contains a control character; remove it.")
    return text
