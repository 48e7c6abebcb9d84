"""Whether a resource conforms to the profiles of packages (https://hl7.org/fhir/R4/profiling.html)."""
