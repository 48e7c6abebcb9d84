"""From a source message to FHIR, by rows of a table."""
