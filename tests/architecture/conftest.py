"""A tree in which a rule is broken on purpose."""

from pathlib import Path

import pytest
from architecture.sources import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Return a function that writes ``{path: text}`` below an empty root and returns the root."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write
