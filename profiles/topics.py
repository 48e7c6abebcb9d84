"""The topics of ``topics.toml`` as R4 resources: each a Basic with the extensions for what R5 has a SubscriptionTopic for.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html, https://hl7.org/fhir/R5/subscriptiontopic.html
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
_STRUCTURE: Final = "http://hl7.org/fhir/StructureDefinition/"
_CODE: Final = {"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}
Resource = dict[str, Any]


def basics() -> Mapping[str, Resource]:
    """Return the resources by their ids."""
    tables = tomllib.loads(files("profiles").joinpath("topics.toml").read_text(encoding="utf-8"))
    made = (_basic(tables["base"], name, tables["interactions"], each) for name, each in tables["topics"].items())
    return {each["id"]: each for each in made}


def _basic(base: str, name: str, interactions: list[str], topic: Mapping[str, Any]) -> Resource:
    trigger = [
        {"url": "description", "valueMarkdown": topic["scope"]},
        {"url": "resource", "valueUri": _STRUCTURE + topic["resource"]},
        *({"url": "supportedInteraction", "valueCode": each} for each in interactions),
    ]
    shape = [{"url": "resource", "valueUri": _STRUCTURE + topic["resource"]}]
    return {
        "resourceType": "Basic",
        "id": f"topic-{name}",
        "extension": [
            {"url": _R5 + "url", "valueUri": base + name},
            {"url": _R5 + "title", "valueString": topic["title"]},
            {"url": _R5 + "description", "valueMarkdown": topic["scope"]},
            {"url": _R5 + "resourceTrigger", "extension": trigger},
            *({"url": _R5 + "canFilterBy", "extension": _filter(topic["resource"], each)} for each in topic["filters"]),
            {"url": _R5 + "notificationShape", "extension": shape},
        ],
        "modifierExtension": [{"url": _R5 + "status", "valueCode": "active"}],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": base + name}],
        "code": {"coding": [_CODE]},
    }


def _filter(resource: str, name: str) -> list[Resource]:
    return [{"url": "resource", "valueUri": _STRUCTURE + resource}, {"url": "filterParameter", "valueString": name}]
