"""One table of ``issuers.toml``, read key by key: a key that is wrong, or that nobody asked for, is named."""

from collections.abc import Mapping
from typing import Any

from fhir_server.oauth.paths import Path


class InvalidIssuers(Exception):
    """``issuers.toml`` cannot be used; the text names the file, the table and the key."""


class Table:
    """A TOML table called ``name``, whose values are asked for by key and type."""

    def __init__(self, name: str, values: object) -> None:
        """Read ``values``; raises InvalidIssuers when they are no table."""
        if not isinstance(values, dict):
            raise InvalidIssuers(f"{name} must be a table, [{name}]")
        self.name = name
        self._values: Mapping[str, Any] = values
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a value."""
        return key in self._values

    def wrong(self, key: str, text: str) -> InvalidIssuers:
        """Return the error for ``key``."""
        return InvalidIssuers(f"[{self.name}] {key} {text}")

    def done(self) -> None:
        """Raise InvalidIssuers for keys that were not asked for."""
        if unknown := sorted(self._values.keys() - self._asked):
            raise InvalidIssuers(
                f"[{self.name}] has an unknown key: {', '.join(unknown)}; known are {', '.join(sorted(self._asked))}"
            )

    def raw(self, key: str) -> Any:  # noqa: ANN401 - TOML
        """Return the value as it stands, None where there is none."""
        self._asked.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Return a string."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "must be a string")
        return default if value is None else value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return an array of strings, none of them empty."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
            raise self.wrong(key, "must be an array of strings, not empty")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false; false where there is none."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return bool(value)

    def number(self, key: str, default: int, largest: int) -> int:
        """Return a whole number from 1 to ``largest``."""
        value = self.raw(key)
        if value is None:
            return default
        if type(value) is not int or not 1 <= value <= largest:
            raise self.wrong(key, f"must be a whole number from 1 to {largest}")
        return value

    def path(self, key: str) -> Path:
        """Return the path of a claim: a string with dots between the names of members, or an array of those names."""
        value = self.raw(key)
        found = value.split(".") if isinstance(value, str) else [] if value is None else value
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise self.wrong(key, "must be the path of a claim: a string with dots, or an array of strings")
        return tuple(found)

    def words(self, key: str) -> Mapping[str, str]:
        """Return a table of strings."""
        value = self.raw(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(each, str) and each for each in value.values()):
            raise self.wrong(key, "must be a table of strings")
        return value

    def below(self, key: str) -> "Table | None":
        """Return the table at ``key``, None where there is none."""
        value = self.raw(key)
        return None if value is None else Table(f"{self.name}.{key}", value)
