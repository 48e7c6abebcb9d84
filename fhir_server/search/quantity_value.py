"""A number or quantity of a query as a node of the tree (https://hl7.org/fhir/R4/search.html#quantity)."""

from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.search import values
from fhir_server.search.numbers import NumberError, compared
from fhir_server.search.quantity import unit_form
from fhir_server.search.rows import US
from fhir_server.search.tree import Number

_WITH_UNIT = 3


def node(parameter: SearchParameter, value: str) -> Number:
    """Read "5.4" or, of a quantity, "5.4|system|code" and "5.4||code or unit", each with a prefix if any. Raises BadRequest."""
    parts = [values.unescape(part) for part in values.split(value, "|")]
    if len(parts) > 1 and parameter.type == "number":
        raise BadRequest(f"The value of '{parameter.code}' is a number and has no unit.", detail="search-value")
    if len(parts) not in {1, _WITH_UNIT} or (len(parts) == _WITH_UNIT and not parts[2]):
        text = f"The value of '{parameter.code}' is written as number, number|system|code or number||code."
        raise BadRequest(text, detail="search-value")
    try:
        prefix, (low, high) = compared(parts[0])
    except NumberError as error:
        raise BadRequest(f"The value of '{parameter.code}' is no number: {error}.", detail="search-value") from None
    param = parameter.code if len(parts) == 1 else f"{parameter.code}{US}{unit_form(parts[1], parts[2])}"
    return Number(param, prefix, low, high)
