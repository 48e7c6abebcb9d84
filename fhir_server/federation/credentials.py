"""The secret that a source wants to see, looked up where ``sources.toml`` says it is: never in that file itself."""

from collections.abc import Mapping
from pathlib import Path

from adapters.contract import Source
from fhir_server.federation.sources import InvalidSources


def authorization(source: Source, environment: Mapping[str, str]) -> str:
    """Return the value of the ``Authorization`` header for ``source``, "" when it wants none.

    The key ``credentials`` is ``env:NAME`` (a variable of ``environment``) or ``file:PATH``; what is found there is the whole
    value, "Bearer ..." or "Basic ...". Raises InvalidSources when it is not there.
    """
    reference = source.options.get("credentials", "")
    if not reference:
        return ""
    found = secret_at(reference, environment)
    if found is None:
        raise InvalidSources(f"[{source.name}] credentials must be env:NAME or file:PATH, and there must be something there")
    return found


def secret_at(reference: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret at ``env:NAME`` or ``file:PATH``, None where there is none."""
    kind, _, place = reference.partition(":")
    return _FINDERS[kind](place, environment) if kind in _FINDERS else None


def _variable(name: str, environment: Mapping[str, str]) -> str | None:
    return environment.get(name, "").strip() or None


def _file(path: str, _: Mapping[str, str]) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


_FINDERS = {"env": _variable, "file": _file}
