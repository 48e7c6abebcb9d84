"""The three patch languages of https://hl7.org/fhir/R4/http.html#patch, as pure functions from a resource to the next one."""
