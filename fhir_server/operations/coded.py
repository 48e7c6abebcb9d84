"""What the operations of terminology have in common: the parameters, the codes that are asked about, and where answers come from.

https://hl7.org/fhir/R4/terminology-service.html
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fhir_server.catalog.packages.manifest import PackageError
from fhir_server.errors import BadRequest, NotFound, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.operations.asked_parameters import Asked, asked
from profiles.conformance import conformance
from profiles.operations import takes

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles

_TEXT: Final = ("String", "Uri", "Code", "Canonical")
_MOST_NUMBER: Final = 2**31 - 1  # the largest integer of FHIR R4
_MOST_DIGITS: Final = 10
_FORM: Final = ("_format", "_pretty")


class Code(NamedTuple):
    """A code that is asked about; ``system`` and ``display`` are "" where they are not given."""

    system: str
    code: str
    display: str


def admitted(call: Call) -> tuple[Asked, "Profiles"]:
    """Return what is asked, and all definitions that are known here. Raises Forbidden, BadRequest, Unprocessable."""
    call.services.gate.require_scope(call.actor, "read", call.type)
    given = _asked(call)
    try:
        return given, call.services.profiles.known()
    except PackageError as error:
        text = "The packages of this server cannot be read; `fhir-server check` says why."
        raise Unprocessable(text, detail="terminology-unknown") from error


def _asked(call: Call) -> Asked:
    """Read the parameters of the URL, or of the body."""
    if call.body.strip():
        return asked(call)
    names = takes(call.interaction.removeprefix("$"))
    given = [(name, value) for name, value in call.parameters if name not in _FORM]
    if unknown := sorted({name for name, _ in given} - set(names)):
        raise BadRequest(f"'{unknown[0]}' is no parameter here. There are: {', '.join(names)}.", detail="parameter-unknown")
    return Asked(tuple({"name": name, "valueString": value} for name, value in given), call.services.base)


def text(given: Asked, name: str) -> str:
    """Return the text ``name``, "" without one. Raises BadRequest."""
    found = given.one(name, *_TEXT)
    return str(found or "")


def number(given: Asked, name: str, default: int) -> int:
    """Return the number ``name``, ``default`` without one. Raises BadRequest."""
    found = given.one(name, "Integer", *_TEXT)
    if found is None:
        return default
    digits = str(found)
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS or int(digits) > _MOST_NUMBER:
        raise BadRequest(f"'{name}' is a whole number from 0 to {_MOST_NUMBER}.", detail="parameter-value")
    return int(digits)


def url_of(call: Call, given: Asked) -> str:
    """Return the canonical URL that is asked about: that of the resource in the path, or ``url``. Raises NotFound, BadRequest."""
    if call.id:
        body = conformance().get(call.type, {}).get(call.id)
        if body is None:
            raise NotFound("No such resource. Check the type and the id.")
        return str(json.loads(body)["url"])
    return text(given, "url")


def codes_of(given: Asked, *, system: str = "") -> list[Code]:
    """Return what is asked about: ``code`` (with ``system``), a ``coding``, or the codings of a ``codeableConcept``.

    Raises BadRequest where there is not exactly one of them.
    """
    ways = [name for name in ("code", "coding", "codeableConcept") if given.all(name)]
    if len(ways) != 1:
        raise BadRequest("Give one of 'code', 'coding' and 'codeableConcept'.", detail="parameter-missing")
    if ways == ["code"]:
        return [Code(text(given, "system") or system, text(given, "code"), text(given, "display"))]
    value = given.one(ways[0], ways[0][0].upper() + ways[0][1:])
    codings = [value] if ways == ["coding"] else value.get("coding", ())
    return [Code(str(each.get("system", system)), str(each.get("code", "")), str(each.get("display", ""))) for each in codings]


def answered(*parts: Mapping[str, Any] | None) -> Answer:
    """Return Parameters of the parts that there are."""
    return Answer(200, write({"resourceType": "Parameters", "parameter": [each for each in parts if each is not None]}), keep=False)


def told(name: str, value: str) -> Mapping[str, Any] | None:
    """Return a part with a text, None without one."""
    return {"name": name, "valueString": value} if value else None


def untold(why: str) -> Unprocessable:
    """Say that a question cannot be answered from what is here, which is neither yes nor no."""
    text_ = f"This cannot be told here: {why}. Load what is missing (`fhir-server terminology load`), or ask another server."
    return Unprocessable(text_, detail="terminology-unknown")
