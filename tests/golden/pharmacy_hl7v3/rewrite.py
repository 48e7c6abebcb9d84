"""Write the expected results anew from the samples; read the difference afterwards.

Run from the root of the project: ``python tests/golden/pharmacy_hl7v3/rewrite.py``.
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


if __name__ == "__main__":
    for sample in ("dispense-list", "batch-in-soap", "nothing-found"):
        payload = (files("adapters.pharmacy.hl7v3") / "samples" / f"{sample}.xml").read_bytes()
        found = load("pharmacy/hl7v3").translate(payload)
        Path(__file__).with_name(f"{sample}.json").write_text(fhir_json(collection(found.resources)), encoding="utf-8")
