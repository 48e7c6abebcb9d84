"""FHIR search: parameters to a tree, resources to index rows, matching in memory."""
