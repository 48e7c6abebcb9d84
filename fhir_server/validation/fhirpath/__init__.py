"""FHIRPath expressions of packages (https://hl7.org/fhirpath): compiled once, evaluated without a word on stdout.

Never for text from clients: what they send is only what an expression looks at.
"""

from fhir_server.validation.fhirpath.expression import Expression, NotEvaluated

__all__ = ["Expression", "NotEvaluated"]
