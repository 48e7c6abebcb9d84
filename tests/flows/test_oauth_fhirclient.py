"""SMART's own client goes through the code flow and the renewal of its token."""

from urllib.parse import parse_qs, urlsplit

from fhirclient.client import FHIRClient
from flows.authorization import PERSON, REDIRECT, Authorization, oauth

__all__ = ["oauth"]


def test_fhirclient_gets_and_renews_a_token(oauth: Authorization) -> None:
    settings = {
        "app_id": "app",
        "api_base": oauth.settings.base,
        "redirect_uri": REDIRECT,
        "scope": PERSON.scope,
    }
    smart = FHIRClient(settings=settings)
    assert smart.prepare() is False  # not before somebody has logged in
    asked = urlsplit(smart.authorize_url)
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"http://127.0.0.1:{oauth.port}/oauth/authorize"
    query = parse_qs(asked.query)
    code = oauth.code(challenge=query["code_challenge"][0])
    smart.handle_callback(f"{REDIRECT}?code={code}&state={query['state'][0]}")
    assert smart.ready
    assert smart.server.request_json("Task?_count=0")["total"] == 0
    assert smart.reauthorize()
    assert smart.server.request_json("Task?_count=0")["total"] == 0
