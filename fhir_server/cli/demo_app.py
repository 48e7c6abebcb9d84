"""An invented app for the demo: its registration, and an address at which somebody logs in for it and consents."""

from urllib.parse import urlencode

from fhir_server.oauth.grants import challenge_of

CLIENT_ID = "demo-app"
VERIFIER = "this-verifier-is-known-to-all-and-for-the-demo-only"
SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs patient/Communication.cruds"


def registration(root: str) -> str:
    """Return ``clients.toml`` for the server at ``root``: the app is answered at the page that shows what was consented to."""
    return f"""# Written by fhir-server demo.
[{CLIENT_ID}]
name = "Demo app"
redirect_uris = ["{back(root)}"]
scope = "{SCOPE}"
"""


def back(root: str) -> str:
    """Return the redirect URI of the app."""
    return f"{root}/oauth/apps"


def authorize(root: str) -> str:
    """Return the address to open in a browser."""
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": back(root),
        "scope": SCOPE,
        "state": "demo",
        "aud": f"{root}/fhir",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"{root}/oauth/authorize?{urlencode(asked)}"


def exchange(root: str, code: str) -> str:
    """Return the command that exchanges ``code`` for an access token."""
    form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "redirect_uri": back(root), "code_verifier": VERIFIER}
    return f"curl -s {root}/oauth/token -d '{urlencode(form)}' -d code={code}"
