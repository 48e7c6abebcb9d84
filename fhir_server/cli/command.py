"""What every command has: how it is declared, and how it says that it could not be done."""

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse gives it no public name
"""Where a command declares itself."""


class CommandFailed(Exception):
    """The command could not be done; the text is the line that the user sees."""
