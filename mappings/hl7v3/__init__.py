"""HL7v3, as Dutch source systems send it: the functions for its data types, and the tables (CSV) that use them."""

from functools import cache
from importlib.resources import files

from mappings.engine import Engine
from mappings.functions import Functions
from mappings.hl7v3 import addresses, codes, dosage, identifiers, names, persons, products, quantities, texts, times
from mappings.hl7v3.displays import display
from mappings.rows import Table, read_tables

NAMESPACE = "urn:hl7-org:v3"
FUNCTIONS = Functions(
    module.FUNCTIONS for module in (addresses, codes, dosage, identifiers, names, persons, products, quantities, texts, times)
)


@cache
def tables() -> dict[str, Table]:
    """Return the checked tables of this format, by what they make; RowError when one is wrong."""
    folder = files("mappings.hl7v3")
    return read_tables(
        {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".csv")}, FUNCTIONS
    )


@cache
def engine() -> Engine:
    """Return the engine that executes the tables; RowError when one is wrong."""
    return Engine(tables(), display)
