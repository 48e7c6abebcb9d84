"""What a source says that it searched for: the link ``self`` of its answer (https://hl7.org/fhir/R4/search.html#conformance)."""

from collections.abc import Collection, Sequence
from urllib.parse import parse_qsl, urlsplit

from adapters.contract import SourceError

_ABOUT = ("patient", "subject")
_NARROWING = frozenset(
    {"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag", "_text", "_content", "_filter", "_has", "_list", "_query"}
)
_PARTS = frozenset({"_summary", "_elements"})


def check_applied(itself: str, patient: str, sent: Sequence[tuple[str, str]], known: Collection[str]) -> None:
    """Raise SourceError("not-supported") where ``itself`` says that something else was searched for than what was ``sent``.

    The patient with the id ``patient`` must be there: what is about others is not for the hub to pick from. Another parameter
    that was sent may be missing, since the hub carries it out itself. A condition that was not sent (among the ``known``
    parameters of the type) may not be there: less than was asked would look like all.
    """
    found = parse_qsl(urlsplit(itself).query, keep_blank_values=True)
    values = [value for name, value in found if name.partition(":")[0] in _ABOUT]
    if not values or any(not _names(value, patient) for value in values):
        raise SourceError("not-supported", "the source does not say that it searched for the patient alone")
    asked = {name for name, _ in sent}
    for name, value in found:
        plain = name.partition(":")[0].partition(".")[0]
        restricts = plain in _NARROWING or plain in known or (plain in _PARTS and value != "false")
        if restricts and plain not in asked and plain not in _ABOUT:
            raise SourceError("not-supported", "the source says that it searched for less than was asked")


def _names(value: str, patient: str) -> bool:
    return value == patient or value.endswith(f"Patient/{patient}")
