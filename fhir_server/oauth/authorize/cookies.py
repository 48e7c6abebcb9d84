"""The cookies: never seen by a script, never sent along from another site's form, and on https tied to this very host."""

from typing import Literal

from fastapi import Request
from fastapi.responses import Response

CookieName = Literal["session", "login", "oidc", "medmij"]
LARGEST = 3_800  # browsers keep 4096 bytes with name and attributes


class Cookies:
    """Reads and sets cookies. ``secure``: the server is reached over https, so the prefix ``__Host-`` holds (RFC 6265bis)."""

    def __init__(self, *, secure: bool) -> None:
        """Choose names and attributes."""
        self._secure = secure

    def name(self, name: CookieName) -> str:
        """Return the whole name."""
        return f"__Host-hub-{name}" if self._secure else f"hub-{name}"

    def get(self, request: Request, name: CookieName) -> str:
        """Return what the browser sent, "" for nothing."""
        return request.cookies.get(self.name(name), "")

    def put(self, response: Response, name: CookieName, value: str, seconds: int) -> None:
        """Let the browser keep ``value``."""
        response.set_cookie(self.name(name), value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")

    def drop(self, response: Response, name: CookieName) -> None:
        """Let the browser forget the value."""
        response.delete_cookie(self.name(name), path="/", secure=self._secure, httponly=True, samesite="lax")
