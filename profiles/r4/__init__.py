"""The facts of FHIR R4 (4.0.1), extracted from the official package."""
