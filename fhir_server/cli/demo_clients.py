"""The clients of the demo: an app that anybody may try, and a backend service with a key of its own."""

import json
from pathlib import Path
from typing import Any

from fhir_server.oauth.keys import new_signing_key

APP, BACKEND = "demo-app", "demo-backend"
REDIRECTS = ("http://127.0.0.1/callback", "http://localhost:3000/callback")
_KEY = "demo-backend.pem"
_APP_SCOPE = "openid fhirUser launch launch/patient online_access offline_access patient/*.cruds user/*.cruds"


def declare(folder: Path, path: Path, page: str) -> dict[str, Any]:
    """Write the declaration of the clients to ``path``, and return what demo.json tells of them. Raises KeyFileError.

    The app may be answered at ``page``, too.
    """
    key = new_signing_key(folder, _KEY)
    redirects = [*REDIRECTS, page]
    jwk = ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.jwk().items())
    path.write_text(_TABLES.format(app=APP, redirects=json.dumps(redirects), scope=_APP_SCOPE, backend=BACKEND, jwk=jwk), "utf-8")
    return {
        "app": {"client_id": APP, "redirect_uris": redirects, "scope": _APP_SCOPE},
        "backend": {"client_id": BACKEND, "key": str(folder / "keys" / _KEY), "kid": key.kid, "alg": "ES256"},
    }


_TABLES = """\
[{app}]
name = "Demo app"
redirect_uris = {redirects}
launches = ["standalone", "ehr"]
scope = "{scope}"

[{backend}]
name = "Demo backend service"
grant_types = ["client_credentials"]
auth_method = "private_key_jwt"
jwks = {{ keys = [{{ {jwk} }}] }}
role = "system"
reference = "Device/platform"
scope = "system/*.cruds"
"""
