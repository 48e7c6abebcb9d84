"""The settings of the server: environment variables over a TOML file over defaults."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from math import inf
from pathlib import Path
from typing import Any, Literal, cast, get_args
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
_FASTEST = 1_000_000
_SWITCHES = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


class SettingsError(ValueError):
    """A setting has no usable value; the text names it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be: ``least`` to ``most``; ``above``: more than ``least``."""

    least: float
    most: float = inf
    above: bool = False

    def hold(self, number: float) -> bool:
        """Return whether the ``number`` fits; one that is none (NaN) does not."""
        return (self.least < number if self.above else self.least <= number) and number <= self.most

    def __str__(self) -> str:
        """Say it in words."""
        if self.most == inf:
            return f"more than {self.least}" if self.above else f"{self.least} or more"
        return f"more than {self.least} and at most {self.most}" if self.above else f"{self.least} to {self.most}"


_POSITIVE = Bounds(0, above=True)


def _setting(default: Any, doc: str, bounds: Bounds | None = None) -> Any:  # noqa: ANN401 - dataclasses.field is typed so
    return field(default=default, metadata={"doc": doc, "bounds": bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; each field ``x`` is the environment variable ``FHIR_SERVER_X`` and the key ``x`` of the TOML file."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on.", Bounds(1, 65535))
    base_url: str = _setting("", "Public FHIR base, `/fhir` included: the `aud` of tokens. Default: from host and port.")
    data_dir: Path = field(default=_DATA_DIR, metadata={"doc": "Folder for the database, keys and secrets (mode 0700)."})
    database_url: str = _setting("", "`sqlite:///PATH` or `postgresql://...`. Default: `hub.db` in the data folder.")
    workers: int = _setting(1, "Worker processes. SQLite has one writer, so more than one needs PostgreSQL.", Bounds(1))
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
    dpop_nonce_period: int = _setting(
        300, "Seconds after which another nonce is given out; the one before counts as long again.", Bounds(1)
    )
    cors_origins: str = _setting(
        "", "Origins of apps in a browser that may call the API, between commas: `https://app.example`. Default: none may."
    )
    clients: str = _setting("", "Path of `clients.toml`, the registered OAuth clients (docs/oauth.md). Default: no clients.")
    medmij: str = _setting("", "Path of `medmij.toml`, the providers from which a PGO may collect (docs/medmij.md). Default: none.")
    token_lifetime: int = _setting(
        900, "Seconds that an access token for a person lives, 900 at most, unless its client says less.", Bounds(60, 900)
    )
    login_providers: str = _setting("", "Path of `providers.toml`, where people log in (docs/login.md). Default: nowhere.")
    development_login: Literal["on", "off"] = _setting(
        "off",
        "`on` lets anybody at this machine log in as anyone; refused unless host and base URL are loopback.",
    )
    login_attempts: int = _setting(20, "How often logging in may fail from one address within five minutes.", _POSITIVE)
    rate_person: float = _setting(
        1_000.0,
        "Requests per second that one person may make, a minute's worth at once; 0: no limit (docs/rates.md).",
        Bounds(0, _FASTEST),
    )
    rate_software: float = _setting(
        10_000.0,
        "The same for one piece of software: a registered client with all its users, or a system by itself.",
        Bounds(0, _FASTEST),
    )
    rate_address: float = _setting(
        200.0, "The same for one address, of requests without a token that is good for anything.", Bounds(0, _FASTEST)
    )
    rate_lookups: int = _setting(
        60,
        "Different identifiers by which one person may look for clients in an emergency, within an hour; 0: no limit.",
        Bounds(0, _FASTEST),
    )
    body_limit: int = _setting(5_000_000, "Largest request body, in bytes.", _POSITIVE)
    body_timeout: float = _setting(30.0, "Seconds within which a whole request body must have come.", _POSITIVE)
    attachment_limit: int = _setting(50_000_000, "Largest attachment of a message, in bytes (docs/attachments.md).", _POSITIVE)
    attachment_timeout: float = _setting(300.0, "Seconds within which a whole attachment must have come.", _POSITIVE)
    attachment_hours: float = _setting(24.0, "Hours after which an attachment is removed that no message names.", _POSITIVE)
    attachment_waiting: int = _setting(50, "Most attachments of one person that wait for a message that names them.", _POSITIVE)
    attachment_waiting_size: int = _setting(250_000_000, "Most bytes of one person's attachments that wait for a message.")
    attachment_dir: str = _setting(
        "", "Folder for the files of attachments, the same for all processes. Default: `attachments` in the data folder."
    )
    virus_scanner: str = _setting(
        "", "clamd, which looks through attachments: `tcp://host:port` or `unix:/path`. Default: nothing is scanned."
    )
    depth_limit: int = _setting(64, "Deepest nesting of a request body.", _POSITIVE)
    entries_limit: int = _setting(1_000, "Most entries of a batch or transaction.", _POSITIVE)
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
    fan_out_budget: float = _setting(8.0, "Seconds within which a federated answer is given.", _POSITIVE)
    clock_limit: float = _setting(
        1.0, "Seconds that the clock may be off, or be set by, before the log says so; 0: nobody looks.", Bounds(0, _FASTEST)
    )
    audit_anchor_interval: float = _setting(3600.0, "Seconds between two signed anchors of the record.", _POSITIVE)
    audit_retention_days: int = _setting(
        1827, "Days for which the record is kept, 1096 at least; older lines are removed.", Bounds(1096)
    )
    dossier_retention_days: int = _setting(
        0,
        "Days after the last use for which a dossier is kept before it is announced to be erased (docs/erasure.md); 0: never.",
        Bounds(0),
    )
    dossier_grace_days: int = _setting(
        90, "Days between that announcement and the day on which the dossier is to be erased.", Bounds(1)
    )
    subscription_allow_loopback: bool = _setting(
        False, "`true` permits http, and endpoints of this machine, for notifications; for tests and development."
    )
    subscription_timeout: float = _setting(
        10.0, "Seconds within which an endpoint must have answered a notification, 20 at most.", Bounds(0, 20, above=True)
    )
    subscription_window: float = _setting(
        72.0, "Hours for which a notification is tried again; then the Subscription is in error.", Bounds(0)
    )
    subscription_retention: float = _setting(
        14.0, "Days for which notifications are kept that could not be delivered, or can be asked for again.", Bounds(0)
    )
    smtp_url: str = _setting(
        "", "The mail server for e-mail to subscribers: `smtp://host:port`, or `smtps://user:password@host:port`; empty: no e-mail."
    )
    smtp_sender: str = _setting("", "The address that e-mail comes from; required with `FHIR_SERVER_SMTP_URL`.")
    round_interval: float = _setting(
        10.0,
        "Seconds between two rounds in which the hub does what is due: questions that waited too long, what comes to its end.",
        _POSITIVE,
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
    settings = Settings(**{each.name: _value(each, values[each.name]) for each in fields(Settings) if each.name in values})
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


def _value(each: Field[Any], raw: object) -> Any:  # noqa: ANN401 - each field has its own type
    name, text = f"{PREFIX}{each.name.upper()}", str(raw)
    if choices := get_args(each.type):
        if text not in choices:
            raise SettingsError(f"{name}: must be {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}")
        return text
    if each.type is bool:
        if text.lower() not in _SWITCHES:
            raise SettingsError(f"{name}: must be true or false, not {text!r}")
        return _SWITCHES[text.lower()]
    try:
        value = cast("Callable[[str], Any]", each.type)(text)
    except ValueError as error:
        raise SettingsError(f"{name}: not a number: {text!r}") from error
    bounds: Bounds | None = each.metadata.get("bounds")
    if bounds and not bounds.hold(value):
        raise SettingsError(f"{name}: must be {bounds}, not {text}")
    return value


def _check(settings: Settings) -> None:
    if not _URL.fullmatch(settings.base):
        raise SettingsError(f"{PREFIX}BASE_URL: must be an http or https URL that ends in /fhir, not {settings.base!r}")
    if settings.workers > 1 and settings.database.startswith("sqlite"):
        raise SettingsError(f"{PREFIX}WORKERS: SQLite has one writer; use PostgreSQL for more than one worker")
    if not settings.database.startswith(("sqlite:///", "postgresql://")):
        raise SettingsError(f"{PREFIX}DATABASE_URL: must begin with sqlite:/// or postgresql://")
    if settings.database in {"sqlite:///", "sqlite:///:memory:"}:
        raise SettingsError(f"{PREFIX}DATABASE_URL: must name a file, such as sqlite:////var/lib/hub/hub.db")
    _check_loopback(settings)
    _check_proxies(settings)
    _check_browsers(settings)
    _check_subscriptions(settings)
    _check_officer(settings)
    _check_attachments(settings)


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


def _check_subscriptions(settings: Settings) -> None:
    if settings.smtp_url and not _SMTP.fullmatch(settings.smtp_url):
        raise SettingsError(f"{PREFIX}SMTP_URL: must be smtp://host:port or smtps://user:password@host:port")
    if settings.smtp_url and not _SENDER.fullmatch(settings.smtp_sender):
        raise SettingsError(f"{PREFIX}SMTP_SENDER: must be an e-mail address")
    if settings.subscription_retention * 24 < settings.subscription_window:
        raise SettingsError(f"{PREFIX}SUBSCRIPTION_RETENTION: must not be less than FHIR_SERVER_SUBSCRIPTION_WINDOW")


def _check_officer(settings: Settings) -> None:
    if settings.privacy_officer and not _OFFICER.fullmatch(settings.privacy_officer):
        raise SettingsError(f"{PREFIX}PRIVACY_OFFICER: must be Organization/id, Practitioner/id or PractitionerRole/id")


def _check_attachments(settings: Settings) -> None:
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
