"""What a Binary names as its security context."""

from typing import Any

import pytest

from fhir_server.network.binary import context, names_context

BASE = "https://hub.example/fhir"


@pytest.mark.parametrize(
    ("security", "found"),
    [
        ({"reference": "Patient/1"}, "Patient/1"),
        ({"reference": "Communication/a.b-c"}, "Communication/a.b-c"),
        ({"reference": "Communication/1/_history/2"}, "Communication/1"),
        ({"reference": f"{BASE}/CareTeam/1"}, "CareTeam/1"),
        ({"reference": "https://elsewhere.example/fhir/CareTeam/1"}, ""),
        ({"reference": "urn:uuid:5b5c8c2e-4b0c-4f6a-9d8e-6b8f5a3c2d10"}, ""),
        ({"reference": "#a"}, ""),
        ({"reference": "AuditEvent/1"}, ""),
        ({"reference": "Binary/1"}, ""),
        ({"identifier": {"value": "1"}}, ""),
        ({"display": "x"}, ""),
    ],
)
def test_the_context(security: dict[str, Any], found: str) -> None:
    binary = {"resourceType": "Binary", "contentType": "image/png", "securityContext": security}
    named = context(binary, BASE)
    assert (str(named) if named else "") == found
    assert names_context(binary)


def test_no_context() -> None:
    assert context({"resourceType": "Binary"}, BASE) is None
    assert not names_context({"resourceType": "Binary"})
