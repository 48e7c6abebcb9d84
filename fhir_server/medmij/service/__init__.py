"""The resource server of MedMij: one narrow FHIR base for each provider and data service."""
