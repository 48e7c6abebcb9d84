"""Authorization requests, checked before anybody is asked anything.

RFC 6749 section 4.1.1, OAuth 2.1 section 4.1.1, RFC 9700 section 2.1, RFC 7636, and
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from fhir_server.oauth.authorize.scopes import LAUNCH, InvalidScope, read_scopes, wants_patient

LONGEST_QUERY = 8_000
_LONGEST_VALUE = 1_000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_AGE = re.compile(r"[0-9]{1,9}")
_LOOPBACK = ("127.0.0.1", "::1")
_STEPS = frozenset({"login", "select_account"})


class Shown(Exception):
    """The request is answered by a page: nobody knows yet whom a redirect would reach. ``text`` is a key of the texts."""

    def __init__(self, text: str, status: int = 400) -> None:
        """Name the text to show, and the HTTP status to show it with."""
        super().__init__(text)
        self.text = text
        self.status = status


class Refused(Exception):
    """The request is refused by a redirect: an ``error`` of RFC 6749 section 4.1.2.1 or OpenID Connect, and why."""

    def __init__(self, error: str, description: str) -> None:
        """Say why."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Party:
    """What a request is compared with: where the client may be answered, and the scopes that it may ask for (None: all)."""

    redirect_uris: tuple[str, ...]
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be put before a person. ``max_age`` is in seconds, None when the client does not care."""

    client: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    nonce: str = ""
    launch: str = ""
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None

    @property
    def wants_patient(self) -> bool:
        """Whether one patient must be known before this can be approved."""
        return bool(self.launch) or wants_patient(self.scopes)


class Parameters:
    """The parameters of a query string; one that occurs twice is noticed when it is asked for."""

    def __init__(self, query: str, longest: int = _LONGEST_VALUE) -> None:
        """Read ``query``, whose values have ``longest`` characters; raises Shown (bad-request) for no query, or too long a one."""
        self._longest = longest
        if len(query) > LONGEST_QUERY:
            raise Shown("bad-request", 414)
        try:
            self._pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict", max_num_fields=100)
        except (ValueError, UnicodeDecodeError) as error:
            raise Shown("bad-request") from error

    def get(self, name: str) -> str:
        """Return the value of ``name``, "" for none; raises Refused (invalid_request) when there are two, or it is too long."""
        values = [value for key, value in self._pairs if key == name]
        if len(values) > 1:
            raise Refused("invalid_request", f"{name} occurs more than once")
        value = values[0] if values else ""
        if name != "scope" and len(value) > self._longest:
            raise Refused("invalid_request", f"{name} is longer than {self._longest} characters")
        return value

    def without_steps(self) -> str:
        """Return the query as it is when the person has just logged in: that was asked for, and has been done."""
        kept = [(name, value) for name, value in self._pairs if name not in {"prompt", "max_age"}]
        prompts = [word for name, value in self._pairs if name == "prompt" for word in value.split() if word not in _STEPS]
        return urlencode([*kept, *([("prompt", " ".join(prompts))] if prompts else [])])


def client_of(parameters: Parameters) -> str:
    """Return the client's id; raises Shown when it is missing or named twice."""
    return shown(parameters, "client_id", "unknown-client")


def redirect_uri_of(parameters: Parameters, registered: Collection[str]) -> str:
    """Return the redirect URI when it is one of those ``registered``, character for character; raises Shown.

    Only the port of an address of this machine is free (RFC 8252 section 7.3): a native app listens where it can.
    """
    uri = shown(parameters, "redirect_uri", "unknown-redirect")
    if uri not in registered and _without_port(uri) not in registered:
        raise Shown("unknown-redirect")
    return uri


def read_request(parameters: Parameters, client: str, party: Party, base: str, types: Collection[str]) -> AuthorizationRequest:
    """Check everything that may be refused by a redirect. ``base`` is the FHIR base, ``types`` the resource types there.

    Raises Refused, and Shown when the redirect URI is not the client's.
    """
    redirect_uri = redirect_uri_of(parameters, party.redirect_uris)
    _check_kind(parameters)
    state = parameters.get("state")
    if not state:
        raise Refused("invalid_request", "state is missing")
    if parameters.get("aud").rstrip("/") != base:
        raise Refused("invalid_request", "aud must be the FHIR base of this server")
    try:
        scopes = read_scopes(parameters.get("scope"), types, party.scopes)
    except InvalidScope as error:
        raise Refused("invalid_scope", str(error)) from error
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=state,
        challenge=_challenge(parameters),
        nonce=parameters.get("nonce"),
        launch=_launch(parameters, scopes),
        prompts=_prompts(parameters),
        max_age=_max_age(parameters),
    )


def answer_uri(redirect_uri: str, values: Mapping[str, str]) -> str:
    """Return ``redirect_uri`` with ``values`` added to its query (RFC 6749 section 4.1.2)."""
    return redirect_uri + ("&" if urlsplit(redirect_uri).query else "?") + urlencode(values)


def origin_of(uri: str) -> str:
    """Return the origin of a redirect URI as a source of a Content-Security-Policy: scheme and host, or the app's own scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def place_of(uri: str) -> str:
    """Return what people may recognise a redirect URI by: its host, or the app's own scheme."""
    parts = urlsplit(uri)
    return parts.netloc or parts.scheme


def _check_kind(parameters: Parameters) -> None:
    if parameters.get("request"):
        raise Refused("request_not_supported", "request objects are not supported")
    if parameters.get("request_uri"):
        raise Refused("request_uri_not_supported", "request objects are not supported")
    kind = parameters.get("response_type")
    if kind != "code":
        raise Refused("unsupported_response_type" if kind else "invalid_request", "response_type must be code")
    if parameters.get("response_mode") not in {"", "query"}:
        raise Refused("invalid_request", "response_mode must be query")


def _challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge")
    if parameters.get("code_challenge_method") != "S256":
        raise Refused("invalid_request", "code_challenge_method must be S256 (PKCE)")
    if not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "code_challenge must be the SHA-256 of the verifier in base64url, without padding")
    return challenge


def _launch(parameters: Parameters, scopes: Sequence[str]) -> str:
    launch = parameters.get("launch")
    if bool(launch) != (LAUNCH in scopes):
        raise Refused("invalid_request", "the parameter launch and the scope launch go together")
    return launch


def _prompts(parameters: Parameters) -> frozenset[str]:
    prompts = frozenset(parameters.get("prompt").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise Refused("invalid_request", "prompt must be none, or some of login, consent, select_account")
    return prompts


def _max_age(parameters: Parameters) -> int | None:
    text = parameters.get("max_age")
    if text and not _AGE.fullmatch(text):
        raise Refused("invalid_request", "max_age must be a number of seconds")
    return int(text) if text else None


def shown(parameters: Parameters, name: str, text: str) -> str:
    """Return a parameter without which nothing is answered by a redirect; raises Shown with ``text`` where it is not there once."""
    try:
        value = parameters.get(name)
    except Refused as error:
        raise Shown(text) from error
    if not value:
        raise Shown(text)
    return value


def _without_port(uri: str) -> str:
    parts = urlsplit(uri)
    try:
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or port is None or "@" in parts.netloc:
        return ""
    return parts._replace(netloc=parts.netloc.removesuffix(f":{port}")).geturl()
