from typing import Any

import pytest

from fhir_server.access.actor import from_claims
from fhir_server.access.factors import require_factors
from fhir_server.errors import Unauthorized


@pytest.mark.parametrize("methods", [["mfa"], ["pwd", "otp"], ["pin", "sc"], ["hwk", "fpt"], ["pwd", "mfa", "unheard-of"]])
def test_two_factors(methods: list[str]) -> None:
    require_factors("privacy-officer", methods)
    assert from_claims({"sub": "Practitioner/1", "role": "privacy-officer", "amr": methods}).purpose == ""


@pytest.mark.parametrize(
    "methods", [None, [], "mfa", {"mfa": 1}, ["pwd"], ["pwd", "pin"], ["otp", "sms"], ["MFA"], [["mfa"]], ["x"]]
)
def test_fewer(methods: Any) -> None:
    with pytest.raises(Unauthorized) as caught:
        from_claims({"sub": "Practitioner/1", "role": "privacy-officer", "amr": methods})
    assert caught.value.issues[0].detail == "token-factors"
    assert b"insufficient_user_authentication" in caught.value.headers[0][1]
    assert from_claims({"sub": "Practitioner/1", "role": "practitioner", "amr": methods}).role == "practitioner"
