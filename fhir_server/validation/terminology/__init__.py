"""Codes, value sets and concept maps that are known here (https://hl7.org/fhir/R4/terminology-service.html)."""
