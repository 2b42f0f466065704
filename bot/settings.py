"""Configuration: read once at start, from the environment, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapters.base import App, Budget, Client, Platform
from adapters.registry import Registry
from bot.ops.setting_checks import faults_in_text, origin, platform_doubts, platform_faults, slack_doubts
from storage.engine import urls
from storage.engine.private import Exposed, read_secret
from storage.vault import KeyRing, KeyRingError

PREFIX = "OCTAPOST_"
CHANNEL = re.compile(r"([TE][A-Z0-9]+/[CG][A-Z0-9]+)?")
OTEL_STANDARD = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that OpenTelemetry's own tools read (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
NOT_FROM_ENV = frozenset({"registry", "platforms_env", "media_variables"})
"""Fields that no variable of their own sets."""
SLACK = "https://slack.com"
MEDIA = "octapost-media"
"""The name of the folder for the files of posts."""
UNKNOWN = "no such setting"


PROXIES_UNKNOWN = (
    f"{PREFIX}TRUSTED_PROXIES is not set. Set it to the number of proxies in front of Octapost (1 for a single"
    " reverse proxy or load balancer, 0 if browsers connect directly). Until then, all visitors behind a proxy share"
    " one page limit, and one visitor can use it up."
)


class ConfigurationError(Exception):
    """The environment is not one this program can run in. The message names every fault."""


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    origin(f"{parts.scheme}://{parts.netloc}")
    return value.rstrip("/") + "/"


def _channel(value: str) -> str:
    if not CHANNEL.fullmatch(value):
        raise ValueError("must be a workspace's and a channel's id, such as T0123ABCD/C0456EFGH")
    return value


def _contact(value: str) -> str:
    parts = urlsplit(value)
    web, mail = parts.scheme == "https" and parts.netloc, parts.scheme == "mailto" and "@" in parts.path
    if value and (not (web or mail) or not re.fullmatch(r"[\x21-\x7e]+", value) or set(value) & set("<>|")):
        raise ValueError("must be an https or mailto address, such as mailto:help@example.com")
    return value


def _collector(value: str) -> str:
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValueError("must be an http or https URL")
    if "@" in value or "?" in value:
        raise ValueError("must not contain credentials: put them into OTEL_EXPORTER_OTLP_HEADERS")
    return value.rstrip("/")


def _proof(value: str) -> str:
    if value and not re.fullmatch(r"[\w.-]{1,100}=[\x20-\x7e]{1,500}", value):
        raise ValueError("must be the file's name, =, and its text")
    return value


def _media_url(value: str) -> str:
    if value and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?|file:///.+", value):
        raise ValueError("must be s3://bucket, s3://bucket/prefix or file:///folder")
    return value.rstrip("/")


def _key_ring(ours: Mapping[str, str]) -> str:
    """Return the vault's key ring as text, read once: what is kept out of the log is what seals.

    Raises ValueError or KeyRingError, with a sentence that names no secret.
    """
    file = ours.get("vault_keys_file")
    if ("vault_keys" in ours) == (file is not None):
        raise ValueError(
            f"set either {PREFIX}VAULT_KEYS or {PREFIX}VAULT_KEYS_FILE (`octapost keys new` prints a key ring)"
        )
    try:
        text = ours["vault_keys"] if file is None else read_secret(Path(file))
    except Exposed as error:
        raise ValueError(str(error)) from None
    except (OSError, UnicodeError) as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from None
    KeyRing.parse(text)
    return text


def _database(value: SecretStr) -> SecretStr:
    urls.checked(value.get_secret_value())
    return value


Origin = Annotated[str, AfterValidator(origin)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """What the operator entered for one platform; `clients` is empty where nothing was."""

    platform: Platform
    clients: Mapping[str, Client]
    """By app key. A platform without any is not offered."""
    callback_slug: str
    budget: Budget
    """How many calls an app of ours may make there."""


class Settings(BaseSettings):
    """Every knob there is. Secrets never show in a repr, a log or an error."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    public_url: Origin
    """Where Slack, browsers and platforms reach us."""
    database_url: DatabaseUrl = SecretStr("sqlite+aiosqlite:///octapost.sqlite3")
    database_migration_url: DatabaseUrl | None = None
    """The same database as its tables' owner, for `octapost db upgrade` only."""
    vault_keys: SecretStr
    """`2:base64,1:base64`, newest first; the first one seals. Read from `vault_keys_file` where that is set."""
    vault_keys_file: Path | None = None
    slack_client_id: str
    slack_client_secret: SecretStr
    slack_signing_secret: SecretStr = Field(min_length=20)
    slack_app_token: SecretStr | None = None
    """`xapp-...`, for Socket Mode only."""
    slack_api_url: Annotated[str, AfterValidator(_api_url)] = "https://slack.com/api/"
    slack_web_url: Origin = SLACK
    """Where Slack's authorize and OpenID pages are."""
    slack_message_interval_s: float = Field(default=1.0, ge=0, le=60)
    """What lies between two messages to one channel. Slack takes one a second; tests have less time."""
    port: int = Field(default=3000, ge=0, le=65535)
    host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on all its addresses
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """Where /readyz and /metrics are; 0: nowhere."""
    metrics_host: str = "127.0.0.1"
    media_url: Annotated[str, AfterValidator(_media_url)] = ""
    """Where the files of posts are: `s3://bucket/prefix` or `file:///folder`. Empty: the default `media_folder`."""
    media_endpoint: Annotated[str, AfterValidator(_collector)] = ""
    """The address of an S3-compatible store that is not Amazon's."""
    media_kept_days: int = Field(default=30, ge=1, le=3650)
    """How long a file is kept after its last use."""
    media_quota_gb: int = Field(default=20, ge=1, le=100_000)
    """How many gigabytes of files an organization may have."""
    uploads_at_once: int = Field(default=5, ge=1, le=1000)
    """How many files an organization may be uploading."""
    disk_free_percent: int = Field(default=10, ge=0, le=90)
    """Which part of the disk must be free for an upload to begin."""
    previews: Literal["slack", "page"] = "slack"
    """Where members see pictures before they are published: in Slack, whose image proxy keeps a copy, or on a page of
    ours for which they sign in."""
    media_proof: Annotated[str, AfterValidator(_proof)] = ""
    """`name=text`: a file at `/media/name` by which a platform knows that the address is the operator's."""
    media_variables: dict[str, str] = Field(default_factory=dict, repr=False)
    """The `AWS_*` variables, if files are in an S3 store."""
    support_url: Annotated[str, AfterValidator(_contact)] = ""
    """Where people who need help write: shown on the pages, the home tab and by `/octapost debug`."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    operator_channel: Annotated[str, AfterValidator(_channel)] = ""
    """`T.../C...`: the workspace and the channel where the operator is told what only they can mend."""
    refresh_overdue_min: int = Field(default=30, ge=1)
    """How long a grant may have been due before a process with jobs calls itself not ready."""
    otel_endpoint: Annotated[str, AfterValidator(_collector)] = ""
    """Where traces are sent: an OpenTelemetry collector's OTLP endpoint over HTTP. Empty: nowhere."""
    shutdown_grace_s: int = Field(default=25, ge=5)
    """Longer than the longest platform call, 20 s."""
    web_requests_per_minute: int = Field(default=60, ge=1)
    """How often one client address may ask for a page."""
    trusted_proxies: int | None = Field(default=None, ge=0, le=5)
    """How many proxies in front of us append to X-Forwarded-For. None: the operator has not said."""
    registry: Registry = Field(repr=False)
    """The platforms there are; not from the environment."""
    platforms_env: dict[str, str] = Field(default_factory=dict, repr=False)
    """The `OCTAPOST_<PLATFORM>_*` variables, read by `platforms`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `from_env` only, so that a test's environment is the whole environment."""
        return (init_settings,)

    @classmethod
    def from_env(cls, env: Mapping[str, str], registry: Registry) -> Self:
        """Return the settings in `OCTAPOST_*` for the platforms in `registry`.

        Raises:
            ConfigurationError: The environment is wrong; the message names every fault at once.

        """
        ours = {k.removeprefix(PREFIX).lower(): v for k, v in env.items() if k.startswith(PREFIX)}
        fields = {k: v for k, v in ours.items() if k in cls.model_fields.keys() - NOT_FROM_ENV}
        fields.setdefault("otel_endpoint", env.get(OTEL_STANDARD, ""))
        platforms = {k: v for k, v in ours.items() if k.split("_")[0] in registry.platforms}
        faults = faults_in_text(ours) | dict.fromkeys(
            sorted(set(ours) - set(fields) - set(platforms)), UNKNOWN
        )
        for name, fault in platform_faults(registry.platforms.values(), platforms):
            faults.setdefault(name, fault)
        try:
            fields["vault_keys"] = _key_ring(ours)
        except (ValueError, KeyRingError) as error:
            faults.setdefault("vault_keys_file" if "vault_keys_file" in ours else "vault_keys", str(error))
            fields["vault_keys"] = ""
        settings = None
        try:
            settings = cls(
                **fields,  # type: ignore[arg-type]
                registry=registry,
                platforms_env=platforms,
                media_variables={name: value for name, value in env.items() if name.startswith("AWS_")},
            )
        except ValidationError as error:
            for each in error.errors():
                faults.setdefault("_".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, "))
        if faults or settings is None:
            raise ConfigurationError(
                "; ".join(f"{PREFIX}{n.upper()}: {fault}" for n, fault in faults.items())
            )
        return settings

    @property
    def application_role(self) -> str | None:
        """The role that works with the tables, where it is not the one that owns them.

        Raises ConfigurationError if the two URLs cannot be of one PostgreSQL.
        """
        if self.database_migration_url is None:
            return None
        owner, ours = (
            urls.checked(url.get_secret_value()) for url in (self.database_migration_url, self.database_url)
        )
        if {owner.get_backend_name(), ours.get_backend_name()} != {"postgresql"}:
            raise ConfigurationError(
                f"{PREFIX}DATABASE_MIGRATION_URL: only for PostgreSQL, and so is {PREFIX}DATABASE_URL with it"
            )
        if not ours.username:
            raise ConfigurationError(f"{PREFIX}DATABASE_URL: must name the role it connects as")
        return None if ours.username == owner.username else ours.username

    @property
    def media_folder(self) -> str:
        """Where the files of posts are, if they are in no S3 store: by default beside SQLite's database.

        With PostgreSQL the default is in the working folder.
        """
        if self.media_url:
            parts = urlsplit(self.media_url)
            return unquote(parts.path) if parts.scheme == "file" else ""
        url = urls.checked(self.database_url.get_secret_value())
        database = url.database if url.get_backend_name() == "sqlite" else None
        return str(Path(database or MEDIA).absolute().with_name(MEDIA))

    @property
    def secure(self) -> bool:
        """True when browsers reach us over https."""
        return self.public_url.startswith("https://")

    @property
    def proxies_unknown(self) -> bool:
        """True when TLS must end at a proxy, as we speak plain HTTP, and nobody said how many there are."""
        return self.secure and self.trusted_proxies is None

    @property
    def keys(self) -> str:
        """The vault's key ring as text."""
        return self.vault_keys.get_secret_value()

    def doubts(self) -> list[str]:
        """Return which credentials don't look like their platform's, a sentence each. They may work all the same.

        Values for a simulator look as it likes.
        """
        odd: dict[str, str] = {}
        if self.slack_web_url == SLACK:
            given = {
                "slack_client_id": self.slack_client_id,
                "slack_client_secret": self.slack_client_secret.get_secret_value(),
                "slack_signing_secret": self.slack_signing_secret.get_secret_value(),
                "slack_app_token": self.slack_app_token.get_secret_value() if self.slack_app_token else "",
            }
            odd |= slack_doubts(given)
        for platform in self.registry.platforms.values():
            if not self.platforms_env.get(f"{platform.key}_url"):
                odd |= dict(platform_doubts(platform, self.platforms_env))
        return [f"{PREFIX}{name.upper()} {doubt}." for name, doubt in odd.items()]

    def secrets(self) -> list[str]:
        """Return every secret the operator entered, so that logs can be kept free of them."""
        given = (self.slack_client_secret, self.slack_signing_secret, self.slack_app_token)
        entered = [secret.get_secret_value() for secret in given if secret is not None]
        for url in (self.database_url, self.database_migration_url):
            entered += [] if url is None else urls.secrets_in(url.get_secret_value())
        clients = [value for name, value in self.platforms_env.items() if name.endswith("_client_secret")]
        return [
            *entered,
            *clients,
            *(
                v
                for k, v in self.media_variables.items()
                if k in {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
            ),
            *(part.partition(":")[2] for part in self.keys.split(",")),
        ]

    def platforms(self) -> dict[str, PlatformSettings]:
        """Return what is configured for each platform, in the registry's order."""
        return {platform.key: self._platform(platform) for platform in self.registry.platforms.values()}

    def _platform(self, platform: Platform) -> PlatformSettings:
        env = self.platforms_env
        slug = env.get(f"{platform.key}_callback_slug") or platform.key
        options = {
            option: env[f"{platform.key}_{option}"]
            for option in platform.options
            if env.get(f"{platform.key}_{option}")
        }

        def client(app: App) -> Client:
            override = env.get(f"{app.key}_scopes", "").replace(",", " ").split()
            return Client(
                app=app,
                client_id=env[f"{app.key}_client_id"],
                client_secret=env[f"{app.key}_client_secret"],
                redirect_uri=f"{self.public_url}/oauth/{slug}/callback",
                scopes=tuple(override) or tuple(scope.name for scope in app.scopes),
                origin=env.get(f"{platform.key}_url"),
                options=options,
            )

        clients = {app.key: client(app) for app in platform.apps if env.get(f"{app.key}_client_id")}
        calls = env.get(f"{platform.key}_calls_per_minute")
        budget = Budget(calls=int(calls)) if calls else platform.budget
        return PlatformSettings(platform=platform, clients=clients, callback_slug=slug, budget=budget)
