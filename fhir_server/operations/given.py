"""The parameters that an operation was given in its body: a Parameters resource (https://hl7.org/fhir/R4/parameters.html)."""

from collections.abc import Collection, Mapping
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call
from fhir_server.model.json import read
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.ladder import Code
from fhir_server.network.message_thread import literal
from fhir_server.validation import validate


class Given:
    """What stands under each name; of a name that comes twice the first counts."""

    def __init__(self, parameters: Mapping[str, Mapping[str, Any]], base: str) -> None:
        self._parameters = parameters
        self._base = base

    def text(self, name: str) -> str:
        """Return a text, whatever FHIR type it was given as; "" for none."""
        found = self._parameters.get(name, {})
        plain = (text(found, each) for each in ("valueString", "valueMarkdown", "valueCode"))
        concept, coding = mapped(found, "valueCodeableConcept"), mapped(found, "valueCoding")
        coded = next(iter(listed(concept, "coding")), coding)
        return next(filter(None, (*plain, text(concept, "text"), text(coded, "display"), text(coded, "code"))), "").strip()

    def coding(self, name: str) -> Code | None:
        """Return a code, None for none."""
        found = self._parameters.get(name, {})
        given = mapped(found, "valueCoding") or next(iter(listed(mapped(found, "valueCodeableConcept"), "coding")), {})
        return (text(given, "system"), text(given, "code")) if given else None

    def reference(self, name: str) -> str:
        """Return a reference as "Type/id", "" for none of this server."""
        return literal(mapped(self._parameters.get(name, {}), "valueReference"), self._base)


def given(call: Call, names: Collection[str]) -> Given:
    """Return the parameters in the body, none for an empty one.

    Raises BadRequest for what is no Parameters resource, and for a parameter that is none of ``names``.
    """
    if not call.body:
        return Given({}, call.services.base)
    resource = read(call.body, call.services.limits).resource
    if resource.get("resourceType") != "Parameters" or validate(resource):
        raise BadRequest("The body must be a valid Parameters resource.", expression="resourceType")
    found: dict[str, Mapping[str, Any]] = {}
    for each in listed(resource, "parameter"):
        found.setdefault(text(each, "name"), each)
    if unknown := sorted(found.keys() - set(names)):
        told = f"'{unknown[0]}' is no parameter of this operation: there are {', '.join(sorted(names))}."
        raise BadRequest(told, expression="Parameters.parameter", detail="parameter-unknown")
    return Given(found, call.services.base)
