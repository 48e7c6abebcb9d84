"""The validation of a resource against FHIR R4 itself: structure, formats, codes (https://hl7.org/fhir/R4/validation.html).

Profiles and the invariants beyond ``invariants.py`` are not looked at here.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.errors import Issue, Unprocessable
from fhir_server.validation.location import root
from fhir_server.validation.structure import check_resource
from fhir_server.validation.walk import Walk
from profiles.definitions import resource_types


def validate(resource: Mapping[str, Any]) -> list[Issue]:
    """Return what is wrong with ``resource``, errors first; at most 50 of each severity, and one that says how many more.

    Numbers with a fraction are Decimal, as the JSON reader gives them. Never raises: what is no resource at all is an issue too.
    """
    walk = Walk()
    content = dict(resource) if isinstance(resource, Mapping) else resource
    check_resource(content, root(_name(content)), walk)
    return walk.outcome()


def check(resource: Mapping[str, Any]) -> None:
    """Raise Unprocessable with all issues of ``resource`` when there is an error among them; warnings never raise."""
    issues = validate(resource)
    if any(issue.severity == "error" for issue in issues):
        raise Unprocessable("The resource is not valid FHIR R4.", issues=issues)


def _name(resource: object) -> str:
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    return type_ if isinstance(type_, str) and type_ in resource_types() else "Resource"
