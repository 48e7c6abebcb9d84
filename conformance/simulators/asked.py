"""A question as a simulated system gets it."""

from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Asked:
    """``path`` begins with a slash, ``root`` is the address of the system without one at the end."""

    body: bytes = b""
    method: str = "POST"
    path: str = "/"
    query: str = ""
    root: str = "http://127.0.0.1"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Those of the URL, and of a form in the body."""
        form = self.body.decode("utf-8", "replace") if self.method == "POST" else ""
        return [*parse_qsl(self.query, keep_blank_values=True), *parse_qsl(form, keep_blank_values=True)]
