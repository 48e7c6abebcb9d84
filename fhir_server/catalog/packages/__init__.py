"""FHIR packages that are added: profiles, value sets, code systems (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification)."""
