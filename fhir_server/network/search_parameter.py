"""What a SearchParameter must be before it is stored (https://hl7.org/fhir/R4/searchparameter.html)."""

from collections.abc import Mapping
from typing import Any

from fhir_server.catalog import own
from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import Unprocessable


def check(resource: Mapping[str, Any], id_: str, catalog: Catalog) -> None:
    """Raise Unprocessable unless the SearchParameter ``id_`` can be searched by here, or is not active."""
    issues = list(own.faults(resource, id_, catalog))
    if issues:
        raise Unprocessable("The search parameter cannot be used here.", issues=issues)
