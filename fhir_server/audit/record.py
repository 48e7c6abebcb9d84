"""One line of the record per request: who did what to which resource, with which outcome (NEN 7513). Never what was in it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from fhir_server.access.actor import Actor
from fhir_server.storage.repository import AuditRow

Action = Literal["C", "R", "U", "D", "E"]

# Anything else is carried out (E): searches, operations, batches, and requests that never became an interaction.
_ACTIONS: Mapping[str, Action] = {
    "create": "C",
    "read": "R",
    "vread": "R",
    "history": "R",
    "history-instance": "R",
    "update": "U",
    "patch": "U",
    "delete": "D",
    "attachment-upload": "C",
    "attachment-read": "R",
    "$expunge": "D",
}


class Origin(NamedTuple):
    """Where a request came from: ``trace`` is "traceid-spanid" (W3C trace context), ``address`` the caller's on the network.

    ``flags`` are those of the trace, two hexadecimal digits; the record does not keep them.
    """

    trace: str = ""
    address: str = ""
    flags: str = "00"


NOWHERE: Final = Origin()
_NOBODY: Final = ("",) * 5
_NAME = re.compile(r"[A-Za-z_][A-Za-z_.:-]{0,99}", re.ASCII)
_NO_NAME = "?"
_TYPES: Final = "types:"
_TIMES: Final = "times:"
_SERVICE: Final = "service:"


def row(  # noqa: PLR0913 - one argument per column of the record
    actor: Actor | None,
    interaction: str,
    status: int,
    recorded: int,
    request: str = "",
    *,
    type_: str = "",
    id_: str = "",
    version: int = 0,
    dossier: str = "",
    parameters: Iterable[tuple[str, str]] = (),
    origin: Origin = NOWHERE,
    category: str = "",
    source: str = "",
    detail: str = "",
    basis: str = "",
    reason: str = "",
    service: str = "",
) -> AuditRow:
    """Return the line for a request that ended with HTTP ``status`` at the instant ``recorded`` (microseconds).

    ``actor`` is None when nobody was recognised (401); ``request`` is the id under which the log knows the request. Of the search
    ``parameters`` only the names are kept: their values can name a person. ``dossier`` are the dossiers that were touched or asked
    for ("Patient/id"), blanks between several; ``category`` is that of the data, ``source`` are the sources that were asked, and
    ``detail`` what came of it. ``basis`` is the code of what was decided, ``reason`` why a glass was broken: it is kept sealed.
    ``service`` is the data service of MedMij ("provider/id") that was asked, where the ``actor`` does not say it.
    """
    who, role, purpose, organisation, client = _told(actor) if actor else _NOBODY
    if service := actor.service if actor else service:
        detail = f"{_SERVICE}{service} {detail}".strip()
    return AuditRow(  # in the order of its fields: by their names it takes twice as long, for each request
        recorded,
        who,
        role,
        _ACTIONS.get(interaction, "E"),
        interaction,
        status,
        type_,
        id_,
        version,
        dossier,
        parameter_names(parameters) if parameters else "",
        purpose,
        request,
        organisation,
        client,
        basis,
        origin.trace,
        origin.address,
        source,
        category,
        reason,
        detail,
    )


def _told(actor: Actor) -> tuple[str, str, str, str, str]:
    organisation = actor.organisation or (actor.organisations[0] if actor.organisations else "")
    return actor.reference, actor.role, actor.purpose, organisation, actor.client


def parameter_names(parameters: Iterable[tuple[str, str]]) -> str:
    """Return the names of search parameters, in order, joined by "&"; every value is left out.

    A name that can be none of FHIR's (digits, spaces, other scripts) becomes "?": it may be a value in the wrong place.
    """
    return "&".join(name if _NAME.fullmatch(name) else _NO_NAME for name, _ in parameters)


def seen(types: Iterable[str]) -> str:
    """Return the word of a line's ``detail`` that tells which ``types`` one request gave."""
    return f"{_TYPES}{','.join(sorted(types))}"


def types_in(detail: str) -> list[str]:
    """Return the types that a line's ``detail`` tells of, [] when its type says it all."""
    words = [each.removeprefix(_TYPES) for each in detail.split() if each.startswith(_TYPES)]
    return [type_ for each in words for type_ in each.split(",") if type_]


def service_in(detail: str) -> str:
    """Return the data service ("provider/id") that a line's ``detail`` tells of, "" for none."""
    return next((each.removeprefix(_SERVICE) for each in detail.split() if each.startswith(_SERVICE)), "")


def times(number: int) -> str:
    """Return the word of a line's ``detail`` that tells that it stands for so many requests alike."""
    return f"{_TIMES}{number}"


def times_in(detail: str) -> list[str]:
    """Return in words for how many requests a line stands, by its ``detail``; [] for a line that stands for one."""
    return [f"({each.removeprefix(_TIMES)} times)" for each in detail.split() if each.startswith(_TIMES)]
