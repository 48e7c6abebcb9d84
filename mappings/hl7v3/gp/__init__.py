"""What a GP system sends in HL7v3: the tables for the GP summary and for the messages of integrated care, and their functions.

Elements whose name begins with an underscore do not stand in the messages: they are put into the tree before it is mapped, and
hold what the message says elsewhere (``_author``: who is responsible, ``_episode``, ``_encounter``: what it belongs to).
"""

from functools import cache
from importlib.resources import files

from mappings import hl7v3
from mappings.engine import Engine
from mappings.functions import Functions
from mappings.hl7v3.gp import journal, links, measurements, notes, roles, statuses
from mappings.hl7v3.gp.displays import display
from mappings.rows import Table, read_tables

FUNCTIONS = Functions([hl7v3.FUNCTIONS, *(module.FUNCTIONS for module in (journal, links, measurements, notes, roles, statuses))])
_SHARED = ("Patient.csv",)


@cache
def tables() -> dict[str, Table]:
    """Return the checked tables of this format, by name; RowError when one is wrong."""
    own = [file for file in files("mappings.hl7v3.gp").iterdir() if file.name.endswith(".csv")]
    shared = [files("mappings.hl7v3") / name for name in _SHARED]
    return read_tables({file.name: file.read_text(encoding="utf-8") for file in [*own, *shared]}, FUNCTIONS)


@cache
def engine() -> Engine:
    """Return the engine that executes the tables; RowError when one is wrong."""
    return Engine(tables(), display)
