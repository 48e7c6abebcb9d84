"""Operations: what the server does beyond the interactions of FHIR, by the names that ``interactions/route`` gives them."""

from collections.abc import Mapping
from typing import Final

from fhir_server.interactions.handlers import Handler
from fhir_server.operations import reindex

OPERATIONS: Final[Mapping[str, Handler]] = {"reindex": reindex.start, "reindex-status": reindex.status}
