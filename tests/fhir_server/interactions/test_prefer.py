import pytest

from fhir_server.interactions.prefer import preferences


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {"": ""}),
        ("return=minimal", {"return": "minimal"}),
        ('Return="OperationOutcome"', {"return": "operationoutcome"}),
        ("handling=lenient, return=representation", {"handling": "lenient", "return": "representation"}),
        ("respond-async; wait=10 , handling = strict", {"respond-async": "", "wait": "10", "handling": "strict"}),
        ("return=minimal, return=representation", {"return": "minimal"}),
        ("x-return=minimal", {"x-return": "minimal"}),
    ],
)
def test_preferences_by_name(header: str, expected: dict[str, str]) -> None:
    assert preferences(header) == expected
