"""Whether a resource is valid FHIR R4: ``validate`` lists what is wrong, ``check`` raises it."""

from fhir_server.validation.resource import check, validate

__all__ = ["check", "validate"]
