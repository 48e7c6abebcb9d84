"""What every command has: how it is declared, and how it says that it could not be done."""

import argparse
from typing import NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse gives it no public name
"""Where a command declares itself."""


class Parser(argparse.ArgumentParser):
    """Reads the words of a command, and says in one line what is wrong with them."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with status 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class CommandFailed(Exception):
    """The command could not be done; the text is the line that the user sees."""
