"""Forms that a browser posts: read with a limit on their size."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

from fhir_server.oauth.authorize.request import Shown

LARGEST = 65_536
_MOST_FIELDS = 500
MEDIA_TYPE = "application/x-www-form-urlencoded"


class Form:
    """The fields of a posted form, in order."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        """Hold ``fields``."""
        self._fields = tuple(fields)

    def get(self, name: str) -> str:
        """Return the only value of ``name``, "" when there is none or more than one."""
        values = self.all(name)
        return values[0] if len(values) == 1 else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of ``name``."""
        return tuple(value for key, value in self._fields if key == name)

    def encoded(self) -> str:
        """Return the form as a query string."""
        return urlencode(self._fields)


async def read_form(request: Request) -> Form:
    """Read the body of ``request``; raises Shown when it is no form, or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Shown("bad-request", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Shown("bad-request", 413)
    try:
        return Form(parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Shown("bad-request") from error
