"""The settings of the server: environment variables over a TOML file over defaults."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

PREFIX = "FHIR_SERVER_"
FILE = PREFIX + "CONFIG"
_DATA_DIR = Path("data")
_URL = re.compile(r"https?://[A-Za-z0-9\-._~:\[\]/]+/fhir")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OFFICER = re.compile(r"(Organization|Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")
_SMTP = re.compile(r"smtps?://([^@/\s]+@)?[A-Za-z0-9.-]+(:\d{1,5})?")
_SENDER = re.compile(r"[^@\s<>]+@[A-Za-z0-9.-]+")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(:(?P<port>[1-9]\d{0,4}))?")
_SCANNER = re.compile(r"tcp://[^/]+:\d{1,5}|unix:/.+")
_PORTS = range(1, 65536)
_TOKEN_LIFETIMES = range(60, 901)
_RETENTION = 1096
_LONGEST_NOTIFICATION = 20
_FASTEST = 1_000_000


_CHOICES = {
    "auth": ("on", "off"),
    "dpop_nonce": ("on", "off"),
    "development_login": ("on", "off"),
    "referential_integrity": ("on", "off"),
    "bsn_in_url": ("refuse", "accept-and-redact"),
    "log_level": ("debug", "info", "warning", "error"),
}


class SettingsError(ValueError):
    """A setting has no usable value; the text names it."""


def _setting(default: Any, doc: str) -> Any:  # noqa: ANN401 - dataclasses.field is typed so
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; each field ``x`` is the environment variable ``FHIR_SERVER_X`` and the key ``x`` of the TOML file."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on.")
    base_url: str = _setting("", "Public FHIR base, `/fhir` included: the `aud` of tokens. Default: from host and port.")
    data_dir: Path = field(default=_DATA_DIR, metadata={"doc": "Folder for the database, keys and secrets (mode 0700)."})
    database_url: str = _setting("", "`sqlite:///PATH` or `postgresql://...`. Default: `hub.db` in the data folder.")
    workers: int = _setting(1, "Worker processes. SQLite has one writer, so more than one needs PostgreSQL.")
    auth: Literal["on", "off"] = _setting("on", "`off` lets requests without a token act as `system`; only on loopback.")
    sources: str = _setting("", "Path of `sources.toml`, the declared source systems. Default: no sources.")
    holder_consents: str = _setting(
        "",
        "Path of a TOML file that says what holders may give, for tests and rehearsals. Default: none, the source itself decides.",
    )
    issuers: str = _setting("", "Path of `issuers.toml`, other issuers whose tokens are accepted (docs/tokens.md). Default: none.")
    trusted_proxies: str = _setting("", "Addresses or networks of the proxies in front, between commas. Default: none is believed.")
    client_cert_header: str = _setting("", "Header in which a trusted proxy hands on the client's certificate (docs/tokens.md).")
    dpop_nonce: Literal["on", "off"] = _setting("off", "`on` asks for a nonce of this server in every DPoP proof (docs/tokens.md).")
    dpop_nonce_period: int = _setting(300, "Seconds after which another nonce is given out; the one before counts as long again.")
    cors_origins: str = _setting(
        "", "Origins of apps in a browser that may call the API, between commas: `https://app.example`. Default: none may."
    )
    clients: str = _setting("", "Path of `clients.toml`, the registered OAuth clients (docs/oauth.md). Default: no clients.")
    token_lifetime: int = _setting(
        900, "Seconds that an access token for a person lives, 900 at most, unless its client says less."
    )
    login_providers: str = _setting("", "Path of `providers.toml`, where people log in (docs/login.md). Default: nowhere.")
    development_login: Literal["on", "off"] = _setting(
        "off",
        "`on` lets anybody at this machine log in as anyone; refused unless host and base URL are loopback.",
    )
    login_attempts: int = _setting(20, "How often logging in may fail from one address within five minutes.")
    rate_person: float = _setting(
        1_000.0, "Requests per second that one person may make, a minute's worth at once; 0: no limit (docs/rates.md)."
    )
    rate_software: float = _setting(
        10_000.0, "The same for one piece of software: a registered client with all its users, or a system by itself."
    )
    rate_address: float = _setting(200.0, "The same for one address, of requests without a token that is good for anything.")
    rate_lookups: int = _setting(
        60, "Different identifiers by which one person may look for clients in an emergency, within an hour; 0: no limit."
    )
    body_limit: int = _setting(5_000_000, "Largest request body, in bytes.")
    body_timeout: float = _setting(30.0, "Seconds within which a whole request body must have come.")
    attachment_limit: int = _setting(50_000_000, "Largest attachment of a message, in bytes (docs/attachments.md).")
    attachment_timeout: float = _setting(300.0, "Seconds within which a whole attachment must have come.")
    attachment_hours: float = _setting(24.0, "Hours after which an attachment is removed that no message names.")
    attachment_waiting: int = _setting(50, "Most attachments of one person that wait for a message that names them.")
    attachment_waiting_size: int = _setting(250_000_000, "Most bytes of one person's attachments that wait for a message.")
    attachment_dir: str = _setting(
        "", "Folder for the files of attachments, the same for all processes. Default: `attachments` in the data folder."
    )
    virus_scanner: str = _setting(
        "", "clamd, which looks through attachments: `tcp://host:port` or `unix:/path`. Default: nothing is scanned."
    )
    depth_limit: int = _setting(64, "Deepest nesting of a request body.")
    entries_limit: int = _setting(1_000, "Most entries of a batch or transaction.")
    referential_integrity: Literal["on", "off"] = _setting(
        "on", "`on` refuses references to resources of the dossier that are not there, and deleting what others refer to."
    )
    bsn_in_url: Literal["refuse", "accept-and-redact"] = _setting(
        "refuse",
        "A BSN in the parameters of a URL: `refuse` points to POST `_search`, `accept-and-redact` searches and repeats it nowhere.",
    )
    audit_site: str = _setting(
        "Network dossier hub", "Site that the lines of the record name as their source (AuditEvent.source.site)."
    )
    audit_observer: str = _setting("hub", "Name of this server in the record (AuditEvent.source.observer).")
    audit_source_type: str = _setting("4", "Kind of server in the record: a code of security-source-type (4: application server).")
    privacy_officer: str = _setting(
        "",
        "Who reviews what was seen in an emergency: a reference, such as `Organization/privacy`. Default: the task has no owner.",
    )
    ozo_strict: bool = _setting(
        False, "`true` answers OZO clients as OZO itself does, rather than serving more than that (docs/ozo.md)."
    )
    fan_out_budget: float = _setting(8.0, "Seconds within which a federated answer is given.")
    clock_limit: float = _setting(1.0, "Seconds that the clock may be off, or be set by, before the log says so; 0: nobody looks.")
    audit_anchor_interval: float = _setting(3600.0, "Seconds between two signed anchors of the record.")
    audit_retention_days: int = _setting(1827, "Days for which the record is kept, 1096 at least; older lines are removed.")
    dossier_retention_days: int = _setting(
        0, "Days after the last use for which a dossier is kept before it is announced to be erased (docs/erasure.md); 0: never."
    )
    dossier_grace_days: int = _setting(90, "Days between that announcement and the day on which the dossier is to be erased.")
    subscription_allow_loopback: bool = _setting(
        default=False,
        doc="`true` permits http, and endpoints of this machine, for notifications; for tests and development.",
    )
    subscription_timeout: float = _setting(10.0, "Seconds within which an endpoint must have answered a notification, 20 at most.")
    subscription_window: float = _setting(72.0, "Hours for which a notification is tried again; then the Subscription is in error.")
    subscription_retention: float = _setting(
        14.0, "Days for which notifications are kept that could not be delivered, or can be asked for again."
    )
    smtp_url: str = _setting(
        "", "The mail server for e-mail to subscribers: `smtp://host:port`, or `smtps://user:password@host:port`; empty: no e-mail."
    )
    smtp_sender: str = _setting("", "The address that e-mail comes from; required with `FHIR_SERVER_SMTP_URL`.")
    round_interval: float = _setting(
        10.0, "Seconds between two rounds in which the hub does what is due: questions that waited too long, what comes to its end."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "What is logged (JSON lines on stderr).")

    @property
    def base(self) -> str:
        """The FHIR base URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}/fhir").rstrip("/")

    @property
    def proxies(self) -> tuple[str, ...]:
        """The trusted proxies, one by one."""
        return tuple(each.strip() for each in self.trusted_proxies.split(",") if each.strip())

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that may call the API from a browser, one by one."""
        return tuple(each.strip() for each in self.cors_origins.split(",") if each.strip())

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the server: it listens there, and its base URL is there."""
        return _is_loopback(self.host) and _is_loopback(urlsplit(self.base).hostname or "")

    @property
    def attachment_folder(self) -> Path:
        """The folder for the files of attachments."""
        return Path(self.attachment_dir) if self.attachment_dir else self.data_dir / "attachments"

    @property
    def database(self) -> str:
        """The database URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hub.db'}"


def read_settings(environment: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: ``overrides`` (command line) over the environment over the file that FHIR_SERVER_CONFIG names.

    Raises SettingsError for an unreadable file, a setting that does not exist, and a value that does not fit.
    """
    values: dict[str, Any] = {**_file(environment.get(FILE, "")), **_variables(environment), **(overrides or {})}
    settings = Settings(**{each.name: _value(each.name, values[each.name]) for each in fields(Settings) if each.name in values})
    _check(settings)
    return settings


def _file(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{FILE}: cannot read {path}: {error}") from error
    if unknown := _unknown(values, [each.name for each in fields(Settings)]):
        raise SettingsError(f"{path}: {unknown}")
    return values


def _unknown(given: Iterable[str], known: Collection[str]) -> str:
    """Say which of the names ``given`` are unknown, with the nearest known one each; "" when all are known."""
    told = []
    for name in sorted(set(given).difference(known)):
        near = get_close_matches(name, known, n=1)
        told.append(f"{name} (did you mean {near[0]}?)" if near else name)
    return f"unknown setting {', '.join(told)}; docs/configuration.md lists them all" if told else ""


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    names = {each.name: PREFIX + each.name.upper() for each in fields(Settings)}
    given = (name for name in environment if name.startswith(PREFIX))
    if unknown := _unknown(given, [*names.values(), FILE]):
        raise SettingsError(unknown)
    return {name: environment[variable] for name, variable in names.items() if environment.get(variable)}


def _value(name: str, raw: object) -> Any:  # noqa: ANN401 - each field has its own type
    text = str(raw)
    try:
        match name:
            case (
                "port"
                | "workers"
                | "token_lifetime"
                | "login_attempts"
                | "rate_lookups"
                | "body_limit"
                | "attachment_limit"
                | "attachment_waiting"
                | "attachment_waiting_size"
                | "depth_limit"
                | "entries_limit"
                | "audit_retention_days"
                | "dossier_retention_days"
                | "dossier_grace_days"
                | "dpop_nonce_period"
            ):
                return int(text)
            case (
                "fan_out_budget"
                | "rate_person"
                | "rate_software"
                | "rate_address"
                | "body_timeout"
                | "clock_limit"
                | "audit_anchor_interval"
                | "subscription_timeout"
                | "subscription_window"
                | "subscription_retention"
                | "attachment_timeout"
                | "attachment_hours"
                | "round_interval"
            ):
                return float(text)
            case "subscription_allow_loopback" | "ozo_strict":
                return _BOOLEANS[text.lower()]
            case "data_dir":
                return Path(text)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}{name.upper()}: not a number: {text!r}") from error
    except KeyError as error:
        raise SettingsError(f"{PREFIX}{name.upper()}: must be true or false, not {text!r}") from error
    return text


_BOOLEANS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def _check(settings: Settings) -> None:
    if not _URL.fullmatch(settings.base):
        raise SettingsError(f"{PREFIX}BASE_URL: must be an http or https URL that ends in /fhir, not {settings.base!r}")
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            told = f"{', '.join(choices[:-1])} or {choices[-1]}"
            raise SettingsError(f"{PREFIX}{name.upper()}: must be {told}, not {getattr(settings, name)!r}")
    _check_limits(settings)
    _check_loopback(settings)
    _check_proxies(settings)
    if settings.token_lifetime not in _TOKEN_LIFETIMES:
        raise SettingsError(f"{PREFIX}TOKEN_LIFETIME: must be 60 to 900 seconds")
    _check_browsers(settings)
    _check_record(settings)
    _check_subscriptions(settings)
    if not settings.round_interval > 0:
        raise SettingsError(f"{PREFIX}ROUND_INTERVAL: must be more than 0 seconds")
    _check_officer(settings)
    _check_attachments(settings)
    if settings.workers < 1:
        raise SettingsError(f"{PREFIX}WORKERS: must be 1 or more")
    if settings.workers > 1 and settings.database.startswith("sqlite"):
        raise SettingsError(f"{PREFIX}WORKERS: SQLite has one writer; use PostgreSQL for more than one worker")
    if not settings.database.startswith(("sqlite:///", "postgresql://")):
        raise SettingsError(f"{PREFIX}DATABASE_URL: must begin with sqlite:/// or postgresql://")


def _check_limits(settings: Settings) -> None:
    if settings.port not in _PORTS:
        raise SettingsError(f"{PREFIX}PORT: must be 1 to 65535, not {settings.port}")
    for name in ("login_attempts", "body_limit", "body_timeout", "depth_limit", "entries_limit", "fan_out_budget"):
        if not getattr(settings, name) > 0:
            raise SettingsError(f"{PREFIX}{name.upper()}: must be more than 0")
    for name in ("rate_person", "rate_software", "rate_address", "rate_lookups", "clock_limit"):
        if not 0 <= getattr(settings, name) < _FASTEST:
            raise SettingsError(f"{PREFIX}{name.upper()}: must be 0 (no limit) or more, and less than {_FASTEST}")


def _check_loopback(settings: Settings) -> None:
    if settings.auth == "off" and not _is_loopback(settings.host):
        raise SettingsError(f"{PREFIX}AUTH=off is refused on {settings.host}: it is meant for 127.0.0.1 only")
    if settings.development_login == "on" and not settings.on_loopback:
        raise SettingsError(f"{PREFIX}DEVELOPMENT_LOGIN=on is refused: host and base URL must be this machine (127.0.0.1)")


def _check_proxies(settings: Settings) -> None:
    try:
        [ip_network(each.strip()) for each in settings.trusted_proxies.split(",") if each.strip()]
    except ValueError as error:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {error}") from error
    if settings.client_cert_header and not _HEADER.fullmatch(settings.client_cert_header):
        raise SettingsError(f"{PREFIX}CLIENT_CERT_HEADER: must be the name of a header, not {settings.client_cert_header!r}")


def _check_browsers(settings: Settings) -> None:
    for each in settings.origins:
        found = _ORIGIN.fullmatch(each)
        if found is None or found["port"] == {"http": "80", "https": "443"}[found["scheme"]]:
            told = "write it as browsers do: https://host or https://host:port, in lower case, without the usual port or a slash"
            raise SettingsError(f"{PREFIX}CORS_ORIGINS: {each!r} is no origin; {told}")
        if found["scheme"] == "http" and not _is_loopback(found["host"].strip("[]")):
            raise SettingsError(f"{PREFIX}CORS_ORIGINS: {each!r} must be https; http is for this machine only")
    if settings.dpop_nonce_period < 1:
        raise SettingsError(f"{PREFIX}DPOP_NONCE_PERIOD: must be 1 second or more")


def _check_record(settings: Settings) -> None:
    if not settings.audit_anchor_interval > 0:
        raise SettingsError(f"{PREFIX}AUDIT_ANCHOR_INTERVAL: must be more than 0 seconds")
    if settings.dossier_retention_days < 0 or settings.dossier_grace_days < 1:
        raise SettingsError(f"{PREFIX}DOSSIER_RETENTION_DAYS must be 0 or more, {PREFIX}DOSSIER_GRACE_DAYS 1 or more")
    if settings.audit_retention_days < _RETENTION:
        raise SettingsError(f"{PREFIX}AUDIT_RETENTION_DAYS: the record is kept for {_RETENTION} days (three years) at least")


def _check_subscriptions(settings: Settings) -> None:
    if not 0 < settings.subscription_timeout <= _LONGEST_NOTIFICATION:
        raise SettingsError(f"{PREFIX}SUBSCRIPTION_TIMEOUT: must be more than 0 and at most {_LONGEST_NOTIFICATION} seconds")
    if settings.smtp_url and not _SMTP.fullmatch(settings.smtp_url):
        raise SettingsError(f"{PREFIX}SMTP_URL: must be smtp://host:port or smtps://user:password@host:port")
    if settings.smtp_url and not _SENDER.fullmatch(settings.smtp_sender):
        raise SettingsError(f"{PREFIX}SMTP_SENDER: must be an e-mail address")
    if settings.subscription_window < 0 or settings.subscription_retention * 24 < settings.subscription_window:
        raise SettingsError(f"{PREFIX}SUBSCRIPTION_RETENTION: must not be less than FHIR_SERVER_SUBSCRIPTION_WINDOW")


def _check_officer(settings: Settings) -> None:
    if settings.privacy_officer and not _OFFICER.fullmatch(settings.privacy_officer):
        raise SettingsError(f"{PREFIX}PRIVACY_OFFICER: must be Organization/id, Practitioner/id or PractitionerRole/id")


def _check_attachments(settings: Settings) -> None:
    for name in ("attachment_limit", "attachment_waiting", "attachment_timeout", "attachment_hours"):
        if not getattr(settings, name) > 0:
            raise SettingsError(f"{PREFIX}{name.upper()}: must be more than 0")
    if settings.attachment_waiting_size < settings.attachment_limit:
        raise SettingsError(f"{PREFIX}ATTACHMENT_WAITING_SIZE: must not be less than {PREFIX}ATTACHMENT_LIMIT")
    if settings.virus_scanner and not _SCANNER.fullmatch(settings.virus_scanner):
        raise SettingsError(f"{PREFIX}VIRUS_SCANNER: must be tcp://host:port or unix:/path, not {settings.virus_scanner!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def describe() -> str:
    """Return docs/configuration.md, the page on every setting, as Markdown."""
    rows = [f"| `{PREFIX}{each.name.upper()}` | `{each.default or ' '}` | {each.metadata['doc']} |" for each in fields(Settings)]
    return "\n".join([_HEAD, *rows, ""])


_HEAD = f"""# Configuration

Each setting is an environment variable, or the lower-case key without `{PREFIX}` in the TOML file that `{FILE}` names. The
environment wins. A variable or key that is no setting is refused, so that a misspelt one is not taken for its default.
This page is written by `make docs` and checked by a test.

| setting | default | meaning |
|---|---|---|"""
