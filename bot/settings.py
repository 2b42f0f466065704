"""Configuration: read once at start, from the environment, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapters.base import App, Budget, Client, Pkce, Platform
from adapters.registry import Registry
from storage.engine import urls
from storage.engine.private import Exposed, read_secret

PREFIX = "OCTAPOST_"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
CHANNEL = re.compile(r"([TE][A-Z0-9]+/[CG][A-Z0-9]+)?")
OTEL_STANDARD = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that OpenTelemetry's own tools read (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
NOT_FROM_ENV = frozenset({"registry", "platforms_env"})
"""Fields that no variable of their own sets."""
FEWEST_CALLS = 10
"""Fewer a minute would be used up by a single burst."""


PROXIES_UNKNOWN = (
    f"{PREFIX}TRUSTED_PROXIES is not set: set it to the number of proxies in front of Octapost (1 for a single"
    " reverse proxy or load balancer, 0 if browsers connect to it directly). Until then all visitors behind a"
    " proxy share one page limit, and a single one of them can use it up."
)


class ConfigurationError(Exception):
    """The environment is not one this program can run in. The message names every fault."""


def _origin(value: str) -> str:
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in LOCAL
    more = parts.path.strip("/") or parts.query or parts.fragment
    if not (parts.scheme == "https" or local) or not parts.netloc or more:
        raise ValueError("must be an https origin without a path (http only for localhost)")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials")
    return value.rstrip("/")


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    _origin(f"{parts.scheme}://{parts.netloc}")
    return value.rstrip("/") + "/"


def _channel(value: str) -> str:
    if not CHANNEL.fullmatch(value):
        raise ValueError("must be a workspace's and a channel's id, such as T0123ABCD/C0456EFGH")
    return value


def _collector(value: str) -> str:
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValueError("must be an http or https URL")
    if "@" in value or "?" in value:
        raise ValueError("must not carry credentials: put them into OTEL_EXPORTER_OTLP_HEADERS")
    return value.rstrip("/")


def _database(value: SecretStr) -> SecretStr:
    urls.checked(value.get_secret_value())
    return value


Origin = Annotated[str, AfterValidator(_origin)]
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
    vault_keys: SecretStr | None = None
    """`2:base64,1:base64`, newest first; the first one seals."""
    vault_keys_file: Path | None = None
    slack_client_id: str
    slack_client_secret: SecretStr
    slack_signing_secret: SecretStr = Field(min_length=20)
    slack_app_token: SecretStr | None = None
    """`xapp-...`, for Socket Mode only."""
    slack_api_url: Annotated[str, AfterValidator(_api_url)] = "https://slack.com/api/"
    slack_web_url: Origin = "https://slack.com"
    """Where Slack's authorize and OpenID pages are."""
    slack_message_interval_s: float = Field(default=1.0, ge=0, le=60)
    """What lies between two messages to one channel. Slack takes one a second; tests have less time."""
    port: int = Field(default=3000, ge=0, le=65535)
    host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on all its addresses
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """Where /readyz and /metrics are; 0: nowhere."""
    metrics_host: str = "127.0.0.1"
    support_url: str = ""
    """Where people who need help are sent; shown by `/octapost debug`."""
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
        unknown = set(ours) - set(fields) - set(platforms)
        faults = [f"{PREFIX}{name.upper()}: no such setting" for name in sorted(unknown)]
        if ("vault_keys" in ours) == ("vault_keys_file" in ours):
            faults.append(
                f"{PREFIX}VAULT_KEYS, {PREFIX}VAULT_KEYS_FILE: set one of them (`octapost keys new` prints one)"
            )
        settings = None
        try:
            settings = cls(**fields, registry=registry, platforms_env=platforms)  # type: ignore[arg-type]
            faults += settings.platform_faults()
        except ValidationError as error:
            faults += [
                f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
        if faults or settings is None:
            raise ConfigurationError("; ".join(faults)) from None
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
                f"{PREFIX}DATABASE_MIGRATION_URL: for PostgreSQL only, as is {PREFIX}DATABASE_URL"
            )
        if not ours.username:
            raise ConfigurationError(f"{PREFIX}DATABASE_URL: must name the role it connects as")
        return None if ours.username == owner.username else ours.username

    @property
    def secure(self) -> bool:
        """True when browsers reach us over https."""
        return self.public_url.startswith("https://")

    @property
    def proxies_unknown(self) -> bool:
        """True when TLS must end at a proxy, as we speak plain HTTP, and nobody said how many there are."""
        return self.secure and self.trusted_proxies is None

    @cached_property
    def keys(self) -> str:
        """The vault's key ring as text, read once: what is kept out of the log is what seals.

        Raises ConfigurationError when its file is exposed or cannot be read.
        """
        if self.vault_keys is not None:
            return self.vault_keys.get_secret_value()
        try:
            return read_secret(self.vault_keys_file or Path())
        except Exposed as error:
            raise ConfigurationError(f"{PREFIX}VAULT_KEYS_FILE: {error}") from None
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"{PREFIX}VAULT_KEYS_FILE: cannot be read ({type(error).__name__})"
            ) from None

    def secrets(self) -> list[str]:
        """Return every secret the operator entered, so that logs can be kept free of them."""
        given = (self.slack_client_secret, self.slack_signing_secret, self.slack_app_token)
        entered = [secret.get_secret_value() for secret in given if secret is not None]
        for url in (self.database_url, self.database_migration_url):
            entered += [] if url is None else urls.secrets_in(url.get_secret_value())
        clients = [value for name, value in self.platforms_env.items() if name.endswith("_client_secret")]
        return [*entered, *clients, *(part.partition(":")[2] for part in self.keys.split(","))]

    def platform_faults(self) -> list[str]:
        """Return what is wrong with the platforms' variables, a sentence each."""
        env, faults, known = self.platforms_env, [], set()
        for platform in self.registry.platforms.values():
            for app in platform.apps:
                names = f"{app.key}_client_id", f"{app.key}_client_secret"
                known |= {*names, f"{app.key}_scopes"}
                if bool(env.get(names[0])) != bool(env.get(names[1])):
                    faults.append(
                        f"{PREFIX}{names[0].upper()} and {PREFIX}{names[1].upper()}: set both or neither"
                    )
            known |= {f"{platform.key}_{o}" for o in platform.options}
            if env.get(f"{platform.key}_pkce", Pkce.OFF) not in set(Pkce):
                faults.append(f"{PREFIX}{platform.key.upper()}_PKCE: must be one of {', '.join(Pkce)}")
            known |= {f"{platform.key}_{each}" for each in ("url", "callback_slug", "calls_per_minute")}
            calls = env.get(f"{platform.key}_calls_per_minute", "")
            if calls and not (calls.isascii() and calls.isdigit() and int(calls) >= FEWEST_CALLS):
                faults.append(
                    f"{PREFIX}{platform.key.upper()}_CALLS_PER_MINUTE: a number from {FEWEST_CALLS} on"
                )
            if url := env.get(f"{platform.key}_url"):
                try:
                    _origin(url)
                except ValueError as error:
                    faults.append(f"{PREFIX}{platform.key.upper()}_URL: {error}")
            slug = env.get(f"{platform.key}_callback_slug", platform.key)
            if not slug.isascii() or not slug.replace("-", "").isalnum():
                faults.append(
                    f"{PREFIX}{platform.key.upper()}_CALLBACK_SLUG: letters, digits and dashes only"
                )
        slugs = [env.get(f"{key}_callback_slug", key) for key in self.registry.platforms]
        faults += [
            f"two platforms share the callback slug {s}"
            for s in sorted({s for s in slugs if slugs.count(s) > 1})
        ]
        return faults + [f"{PREFIX}{name.upper()}: no such setting" for name in sorted(set(env) - known)]

    def platforms(self) -> dict[str, PlatformSettings]:
        """Return what is configured for each platform, in the registry's order."""
        return {platform.key: self._platform(platform) for platform in self.registry.platforms.values()}

    def _platform(self, platform: Platform) -> PlatformSettings:
        env = self.platforms_env
        slug = env.get(f"{platform.key}_callback_slug", platform.key)
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
