"""Home-care systems that speak FHIR R4."""
