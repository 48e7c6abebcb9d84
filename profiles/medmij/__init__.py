"""The data services of MedMij that this server can offer, as data (``services.toml``)."""

from importlib.resources import files


def services_text() -> str:
    """Return the text of ``services.toml``."""
    return (files("profiles.medmij") / "services.toml").read_text(encoding="utf-8")
