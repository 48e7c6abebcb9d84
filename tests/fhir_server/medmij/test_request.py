"""Where a PGO may be answered."""

import pytest

from fhir_server.medmij.authorize.request import is_of_client

HOST = "medmij.pgo.example"


@pytest.mark.parametrize("uri", [f"https://{HOST}", f"https://{HOST}/", f"https://{HOST}/a/b", f"https://{HOST.upper()}/cb"])
def test_at_the_node_of_the_client(uri: str) -> None:
    assert is_of_client(uri, HOST)


@pytest.mark.parametrize(
    "uri",
    [
        "", "/cb", f"http://{HOST}/cb", f"https://{HOST}.evil.example/cb", f"https://evil{HOST}/cb", f"https://{HOST}@evil.example/",
        f"https://u@{HOST}/cb", f"https://{HOST}:443/cb", f"https://{HOST}/cb?", f"https://{HOST}/cb?a=b", f"https://{HOST}/cb#",
        f"https://{HOST}/a b", f"https://{HOST}\\@evil.example/", f"https://{HOST}\t/cb", f"https://{HOST}./cb", f"https:{HOST}/cb",
        f"javascript://{HOST}/%0aalert(1)", f"https://{HOST}/é", "https://[::1/cb", f"//{HOST}/cb",
    ],
)  # fmt: skip
def test_nowhere_else(uri: str) -> None:
    assert not is_of_client(uri, HOST)
