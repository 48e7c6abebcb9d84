"""The Parameters that an operation is called with (https://hl7.org/fhir/R4/parameters.html)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server import validation
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call, resource_type_of
from fhir_server.interactions.handlers import Handler
from fhir_server.model import reference
from fhir_server.model.json import read
from fhir_server.network.json_parts import listed
from profiles.operations import takes

_LONGEST: Final = 2_000  # characters of a text that somebody gives


@dataclass(frozen=True, slots=True)
class Asked:
    """What was given, by name."""

    parts: tuple[Mapping[str, Any], ...]
    base: str

    def all(self, name: str) -> list[tuple[str, Any]]:
        """Return type ("Reference") and value of each parameter ``name``."""
        values = (next(((key, value) for key, value in each.items() if key.startswith("value")), None) for each in self._of(name))
        return [(key.removeprefix("value"), value) for key, value in filter(None, values)]

    def one(self, name: str, *types: str) -> Any:  # noqa: ANN401 - a value of one of the types that are given
        """Return the value of ``name``, None without one; raises BadRequest for several, or for one of no type of ``types``."""
        found = self.all(name)
        if len(found) > 1 or (found and found[0][0] not in types) or len(found) < len(self._of(name)):
            wanted = " or ".join(f"value{each}" for each in types)
            raise BadRequest(f"Give '{name}' once, with {wanted}.", expression=_place(name), detail="parameter-value")
        return found[0][1] if found else None

    def text(self, name: str) -> str:
        """Return the text ``name``, "" without one."""
        found = self.one(name, "String", "Markdown")
        if found and len(found) > _LONGEST:
            raise BadRequest(f"'{name}' is longer than {_LONGEST} characters.", expression=_place(name), detail="parameter-value")
        return str(found or "")

    def reference(self, name: str) -> str:
        """Return the reference ``name`` as "Type/id", "" without one; raises BadRequest for one that is none of this server's."""
        found = self.one(name, "Reference")
        if found is None:
            return ""
        literal = found.get("reference")
        parsed = reference.parse(literal, self.base) if isinstance(literal, str) else None
        if parsed is None or parsed.version:
            raise BadRequest(f"'{name}' is a reference of this server, Type/id.", expression=_place(name), detail="parameter-value")
        return str(parsed)

    def required(self, name: str) -> str:
        """Return the reference ``name``; raises BadRequest without one."""
        if found := self.reference(name):
            return found
        raise BadRequest(f"The parameter '{name}' is missing.", expression=_place(name), detail="parameter-missing")

    def _of(self, name: str) -> list[Mapping[str, Any]]:
        return [each for each in self.parts if each.get("name") == name]


def asked(call: Call) -> Asked:
    """Read the body; raises Malformed, Unprocessable, or BadRequest for a parameter that the operation of the call does not take.

    What it takes says ``profiles/operations.toml``.
    """
    if not call.body.strip():
        return Asked((), call.services.base)
    found = read(call.body, call.services.limits).resource
    if resource_type_of(found) != "Parameters":
        raise BadRequest("Send a Parameters resource.", expression="resourceType")
    validation.check(found)
    parts = tuple(listed(found, "parameter"))
    names = takes(call.interaction.removeprefix("$"))
    unknown = sorted({str(each.get("name")) for each in parts} - set(names))
    if unknown:
        known = f"There are: {', '.join(sorted(names))}." if names else "It takes none."
        raise BadRequest(f"There is no such parameter here. {known}", detail="parameter-unknown")
    return Asked(parts, call.services.base)


def posted(handle: Handler) -> Handler:
    """Return ``handle``, which reads the parameters of a URL, for a call that may bring them in a body as well."""

    async def handled(call: Call) -> Answer:
        if not call.body.strip():
            return await handle(call)
        parts = asked(call)
        given = [(name, _text(value)) for name in takes(call.interaction.removeprefix("$")) for _, value in parts.all(name)]
        return await handle(replace(call, parameters=(*call.parameters, *given)))

    return handled


def _text(value: object) -> str:
    """Return a value as a URL would have it."""
    return str(value.get("reference", "")) if isinstance(value, Mapping) else str(value)


def _place(name: str) -> str:
    return f"Parameters.parameter.where(name='{name}')"
