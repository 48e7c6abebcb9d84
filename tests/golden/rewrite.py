"""Write the expected results of the adapters anew from their samples; read the difference afterwards.

Run from the root of the project: ``python tests/golden/rewrite.py``.
"""

import json
import re
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from adapters.registry import load
from mappings.bundle import collection


def fhir_json(bundle: dict[str, object]) -> str:
    """Return FHIR JSON with decimals exactly as they are."""

    def quoted(value: object) -> str:
        assert isinstance(value, Decimal)
        return f"\N{NULL}{value}\N{NULL}"

    text = json.dumps(bundle, indent=1, ensure_ascii=False, default=quoted)
    return re.sub(r'"\\u0000([^"\\]*)\\u0000"', r"\1", text) + "\n"


SAMPLES = {
    "gp/hl7v3": ("summary", "integrated-care", "nothing-found"),
    "homecare/fhir": ("record", "nothing-found"),
    "pharmacy/hl7v3": ("dispense-list", "batch-in-soap", "nothing-found"),
}

if __name__ == "__main__":
    for adapter, names in SAMPLES.items():
        for name in names:
            ending = "json" if adapter == "homecare/fhir" else "xml"
            payload = (files(f"adapters.{adapter.replace('/', '.')}") / "samples" / f"{name}.{ending}").read_bytes()
            found = load(adapter).translate(payload)
            golden = Path(__file__).parent / adapter.replace("/", "_") / f"{name}.json"
            golden.write_text(fhir_json(collection(found.resources)), encoding="utf-8")
