"""FHIR values as plain dicts and bytes; no I/O."""
