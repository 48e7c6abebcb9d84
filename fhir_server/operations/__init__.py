"""Operations: what the server does beyond the interactions of FHIR, by the names that ``interactions/route`` gives them."""

from fhir_server.operations.registry import DECLARED, OPERATIONS, ROUTES

__all__ = ["DECLARED", "OPERATIONS", "ROUTES"]
