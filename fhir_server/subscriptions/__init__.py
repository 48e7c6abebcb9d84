"""Subscriptions: which of them have to hear of an event, and how they are told (https://hl7.org/fhir/R4/subscription.html)."""
