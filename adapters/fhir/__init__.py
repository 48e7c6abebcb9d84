"""FHIR R4 as a source system speaks it: what its adapters share. Nothing is translated here, and nothing is believed."""
