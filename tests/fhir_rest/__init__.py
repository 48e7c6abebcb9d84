"""An adapter as an installed package brings one: for a source that speaks FHIR REST itself."""
