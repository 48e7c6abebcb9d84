"""The app of the demo at work: an address at which somebody logs in for it and consents, and how it gets its token."""

from urllib.parse import urlencode

from fhir_server.cli.demo_clients import APP
from fhir_server.oauth.grants import challenge_of

VERIFIER = "this-verifier-is-known-to-all-and-for-the-demo-only"
SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs patient/Communication.cruds"


def back(root: str) -> str:
    """Return where the app is answered: at the page that shows what was consented to."""
    return f"{root}/oauth/apps"


def authorize(root: str) -> str:
    """Return the address to open in a browser."""
    asked = {
        "response_type": "code",
        "client_id": APP,
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
    form = {"grant_type": "authorization_code", "client_id": APP, "redirect_uri": back(root), "code_verifier": VERIFIER}
    return f"curl -s {root}/oauth/token -d '{urlencode(form)}' -d code={code}"
