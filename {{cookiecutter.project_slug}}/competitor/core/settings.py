"""Settings, read once from environment variables (E8). Secrets are never printed."""
# Contract file: replaced by updates.

import ast
import inspect
import re
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, Literal, Self
from urllib.parse import unquote

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from . import models
from .models import ConfiguredModel
from .outbound.egress import is_platform, parse
from .setting_types import BaseUrl, Key, Names, Networks, OwnValues, Pace, SettingsError


def _variable(default: Any, *names: str, **limits: Any) -> Any:
    return Field(default, validation_alias=AliasChoices(*names), **limits)


class Settings(BaseModel):
    """The settings, one field each. A field takes the first of its variables that is set and not empty."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str = _variable("0.0.0.0", "HOST")  # noqa: S104 # nosec B104 - E8
    """Address to listen on."""
    port: int = _variable(8080, "PORT", ge=0, le=65535)
    """Port to listen on; 0 chooses a free port."""
    log_level: Literal["debug", "info", "warning", "error"] = _variable("info", "LOG_LEVEL")
    """debug, info, warning or error."""
    log_format: Literal["auto", "json", "text"] = _variable("auto", "JANUS_LOG_FORMAT")
    """json, text, or auto: text on a terminal, else one JSON object a line."""

    debug: bool = _variable(False, "JANUS_DEBUG", "DEBUG")
    """Show the console at /debug, and keep the last requests for it. `make run` switches it on."""
    development: bool = _variable(False, "JANUS_DEVELOPMENT")
    """Refuse requests of web pages of other sites, and foreign host names. `make run` switches it on."""
    debug_allow: Networks = _variable(frozenset(), "JANUS_DEBUG_ALLOW")
    """Networks besides this machine's own addresses that may open the console, comma-separated."""
    debug_hosts: Names = _variable(frozenset(), "JANUS_DEBUG_HOSTS")
    """Host names besides local ones for /v1/debug/stream/{id}, and in development for all paths, comma-separated."""
    otlp_endpoint: BaseUrl | None = _variable(None, "OTEL_EXPORTER_OTLP_ENDPOINT")
    """Base URL of an OpenTelemetry collector that gets a trace of each request; see requirements-otel.in."""
    otlp_headers: SecretStr | None = _variable(None, "OTEL_EXPORTER_OTLP_HEADERS")
    """Headers for the OpenTelemetry collector, such as a key: name=value, comma-separated."""

    llm_base_url: BaseUrl | None = _variable(None, "JANUS_LLM_BASE_URL", "OPENAI_BASE_URL")
    """Base URL of an OpenAI-compatible server. Unset: the offline model answers."""
    llm_model: str | None = _variable(None, "JANUS_LLM_MODEL")
    """Model to ask for, unless the backend names one for a call. Unset: the name in the request is passed on."""
    llm_api_key: Key | None = _variable(None, "JANUS_LLM_API_KEY")
    """Key for the server at JANUS_LLM_BASE_URL."""
    openai_api_key: Key | None = _variable(None, "OPENAI_API_KEY")
    """Key for the server at JANUS_LLM_BASE_URL, if JANUS_LLM_API_KEY is unset."""
    chutes_api_key: Key | None = _variable(None, "CHUTES_API_KEY")
    """Key for models and services at chutes.ai. No other host gets this key."""
    token_hosts: Names = _variable(frozenset(), "JANUS_TOKEN_HOSTS")
    """Hosts besides chutes.ai that may get the user's token from the request, comma-separated."""
    llm_connect_seconds: float = _variable(10.0, "JANUS_LLM_CONNECT_SECONDS", gt=0)
    """Longest time to connect to another server, in seconds."""
    llm_silence_seconds: float = _variable(120.0, "JANUS_LLM_SILENCE_SECONDS", gt=0)
    """Longest time without a byte from another server, in seconds."""
    llm_limit_name: Literal["auto", "max_tokens", "max_completion_tokens"] = _variable("auto", "JANUS_LLM_LIMIT_NAME")
    """Field for the token limit: max_tokens, max_completion_tokens, or auto (the caller's field, except for OpenAI)."""
    llm_reasoning_back: Literal["auto", "on", "off"] = _variable("auto", "JANUS_LLM_REASONING_BACK")
    """Send earlier reasoning back to the model: on, off, or auto (that of tool calls; the client's if it is wanted)."""
    fix_calls: Literal["ask", "convert", "off"] = _variable("ask", "JANUS_FIX_CALLS")
    """Fix calls of the client's tools that do not fit: convert them; ask once more, if that does not help; or off."""
    models_at_default: bool = _variable(False, "JANUS_MODELS_AT_DEFAULT")
    """Ask the server at JANUS_LLM_BASE_URL for all models of backend/models.py. Tests and `make check` switch it on."""
    llm_fallback_seconds: float = _variable(10.0, "JANUS_LLM_FALLBACK_SECONDS", gt=0)
    """Longest time until the first piece of an answer, in seconds, if a further model can be asked instead."""
    llm_attempts: int = _variable(3, "JANUS_LLM_ATTEMPTS", ge=1, le=10)
    """Maximum number of attempts for one model call. A call is not repeated once a part of its answer was passed on."""

    price_prompt: float | None = _variable(None, "JANUS_PRICE_PROMPT", ge=0)
    """Price of a million prompt tokens in USD, for `cost_usd`."""
    price_completion: float | None = _variable(None, "JANUS_PRICE_COMPLETION", ge=0)
    """Price of a million completion tokens in USD, for `cost_usd`."""

    search_url: BaseUrl | None = _variable(None, "JANUS_SEARCH_URL")
    """Base URL of the search service."""
    fetch_url: BaseUrl | None = _variable(None, "JANUS_FETCH_URL")
    """Base URL of the web proxy, which fetches pages."""
    sandbox_url: BaseUrl | None = _variable(None, "JANUS_SANDBOX_URL")
    """Base URL of the sandbox, which runs code."""
    vector_url: BaseUrl | None = _variable(None, "JANUS_VECTOR_URL")
    """Base URL of the vector service, which finds passages."""
    image_url: BaseUrl | None = _variable(None, "JANUS_IMAGE_URL")
    """Base URL of the image service, which draws."""
    image_model: str = _variable("qwen-image", "JANUS_IMAGE_MODEL")
    """Model that the image service is asked for."""
    speech_url: BaseUrl | None = _variable(None, "JANUS_SPEECH_URL")
    """Base URL of the speech service, which reads aloud."""
    speech_voice: str = _variable("af_heart", "JANUS_SPEECH_VOICE")
    """Voice of the speech service."""
    sandy_base_url: BaseUrl | None = _variable(None, "SANDY_BASE_URL")
    """Base URL of a Sandy API, for agents in a sandbox. It also runs code if JANUS_SANDBOX_URL is unset."""
    sandy_api_key: Key | None = _variable(None, "SANDY_API_KEY")
    """Key for the Sandy API."""
    local_code: bool = _variable(False, "JANUS_LOCAL_CODE")
    """Run code in a confined process (Linux only) if no sandbox is configured. `make run` switches it on."""
    search_double: bool = _variable(False, "JANUS_SEARCH_DOUBLE")
    """Offer a stand-in with invented results if no search service is configured. `make run` switches it on."""
    media_double: bool = _variable(False, "JANUS_MEDIA_DOUBLE")
    """Offer stand-ins that draw and sound, where no such service is configured. `make run` switches it on."""
    tool_seconds: float = _variable(60.0, "JANUS_TOOL_SECONDS", gt=0, le=3600)
    """Longest time of one tool call, in seconds."""

    artifacts_dir: str | None = _variable(None, "JANUS_ARTIFACTS_DIR")
    """Folder for artifacts. Unset: a folder inside the system's temporary folder."""
    artifact_url_base: BaseUrl | None = _variable(None, "JANUS_ARTIFACT_URL_BASE")
    """Public base URL of links to artifacts. Unset: the host in the caller's request."""
    artifact_port: int | None = _variable(None, "JANUS_ARTIFACT_PORT", ge=1, le=65535)
    """Port in links to artifacts, if it differs from the port in the caller's request."""
    artifact_key: SecretStr | None = _variable(None, "JANUS_ARTIFACT_KEY")
    """Secret that signs links to artifacts, the same for all replicas. Unset: the store keeps a random secret."""
    artifact_inline_bytes: int = _variable(180_000, "JANUS_ARTIFACT_INLINE_BYTES", ge=0, le=1_000_000)
    """Largest artifact that is sent inside the answer, as a data: URL, in bytes."""
    artifact_ttl_seconds: int = _variable(3600, "JANUS_ARTIFACT_TTL_SECONDS", ge=1, le=365 * 86400)
    """How long an artifact is kept, in seconds."""
    artifact_bytes: int = _variable(64 * 2**20, "JANUS_ARTIFACT_BYTES", ge=1)
    """Largest artifact, in bytes."""
    artifacts_total_bytes: int = _variable(512 * 2**20, "JANUS_ARTIFACTS_TOTAL_BYTES", ge=1)
    """Maximum number of bytes of all stored artifacts together."""
    artifact_single_use: bool = _variable(False, "JANUS_ARTIFACT_SINGLE_USE")
    """Allow each link to an artifact to be fetched only once."""
    artifacts_bucket: str | None = _variable(None, "JANUS_ARTIFACTS_BUCKET", pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")
    """Bucket for artifacts in an S3-compatible store, which replicas share. Unset: a folder is used."""
    artifacts_endpoint: BaseUrl | None = _variable(None, "JANUS_ARTIFACTS_ENDPOINT")
    """Base URL of the S3-compatible store. Unset: Amazon S3."""
    artifacts_region: str = _variable("us-east-1", "JANUS_ARTIFACTS_REGION", pattern=r"^[a-z0-9-]{1,40}$")
    """Region of the bucket."""
    artifacts_access_key: Key | None = _variable(None, "JANUS_ARTIFACTS_ACCESS_KEY")
    """Access key id for the bucket."""
    artifacts_secret_key: Key | None = _variable(None, "JANUS_ARTIFACTS_SECRET_KEY")
    """Secret access key for the bucket."""

    timeout_seconds: float = _variable(300.0, "JANUS_TIMEOUT", gt=0)
    """The callers' time limit, in seconds. An answer ends 10 s before it, or after half of it if that is later."""
    max_body_bytes: int = _variable(10 * 2**20, "JANUS_MAX_BODY_BYTES", ge=1024)
    """Largest request body, in bytes."""
    max_body_values: int = _variable(200_000, "JANUS_MAX_BODY_VALUES", ge=100)
    """Maximum number of JSON values in a request body."""
    max_bodies_bytes: int = _variable(128 * 2**20, "JANUS_MAX_BODIES_BYTES", ge=1024)
    """Maximum size of all request bodies that are arriving, in bytes; beyond it, large ones are read later."""
    head_seconds: float = _variable(15.0, "JANUS_HEAD_SECONDS", gt=0)
    """Longest time until a request's head is complete, in seconds."""
    body_seconds: float = _variable(60.0, "JANUS_BODY_SECONDS", gt=0)
    """Longest time until a request's body is complete, in seconds."""
    max_answer_bytes: int = _variable(16 * 2**20, "JANUS_MAX_ANSWER_BYTES", ge=1024)
    """Longest answer, in bytes of text."""
    workers: int = _variable(1, "JANUS_WORKERS", ge=1, le=64)
    """Number of processes that share the port; the limits apply to each process."""
    max_running: int = _variable(256, "JANUS_MAX_RUNNING", ge=1)
    """Requests that are answered at the same time; further requests wait."""
    max_open: int = _variable(2500, "JANUS_MAX_OPEN", ge=1)
    """Maximum number of requests that are being answered or wait for a slot; further requests get a 503."""
    queue_seconds: float = _variable(60.0, "JANUS_QUEUE_SECONDS", ge=0)
    """Longest wait for a slot, in seconds."""
    shutdown_seconds: float = _variable(8.0, "JANUS_SHUTDOWN_SECONDS", gt=0)
    """Time that open answers have after SIGTERM before they are ended, in seconds."""
    pacing: Pace = _variable("auto", "JANUS_PACING")
    """Even spacing of bursty text: auto, off, or a fixed number of deltas a second, 1 to 250."""
    pacing_most_seconds: float = _variable(1.5, "JANUS_PACING_MOST_SECONDS", gt=0, le=10)
    """Longest time that pacing holds text back, in seconds."""
    pacing_tail_seconds: float = _variable(1.5, "JANUS_PACING_TAIL_SECONDS", ge=0.15, le=5)
    """Longest time for the rest of a long text after the upstream's end, if this machine is late, in seconds."""
    offline_words_per_second: float = _variable(50.0, "JANUS_OFFLINE_WORDS_PER_SECOND", gt=0)
    """Speed of the offline model, in words a second."""

    _models: dict[str, ConfiguredModel] = PrivateAttr(default_factory=dict)
    _own: OwnValues = PrivateAttr(default_factory=OwnValues)
    _unknown: dict[str, str | None] = PrivateAttr(default_factory=dict)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], declared: Mapping[str, Any] | None = None, own: OwnValues | None = None
    ) -> Self:
        """Reads the settings. `declared` are the models of the backend, `own` its own settings.

        Raises `SettingsError`.
        """
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        if "LOG_LEVEL" in given:
            given["LOG_LEVEL"] = given["LOG_LEVEL"].lower()
        try:
            read = cls.model_validate(given)
        except ValidationError as error:
            lines = [
                f"{problem['loc'][0]}: {problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors(include_input=False)
            ]
            raise SettingsError("\n".join(lines)) from None
        if (read.artifacts_access_key is None) != (read.artifacts_secret_key is None):
            raise SettingsError("JANUS_ARTIFACTS_ACCESS_KEY, JANUS_ARTIFACTS_SECRET_KEY: set both of them, or neither")
        if declared:
            read._models = models.configured(declared, given, at_default=read.models_at_default)
        if own:
            read._own = own
            if taken := sorted(_OURS & own.described.keys()):
                raise SettingsError(f"{', '.join(taken)}: is a setting of the template; give your field another name")
        read._unknown = read._unknown_in(given)
        return read

    def _unknown_in(self, given: Mapping[str, str]) -> dict[str, str | None]:
        """The variables with our prefix that nothing reads, each with the name that was probably meant."""
        known = _OURS | self._own.described.keys()
        for name, model in self._models.items():
            known |= {*models.variables(name, model.declared), model.declared.key or ""}
        odd = (name for name in given if name.startswith("JANUS_") and name not in known)
        return {
            name: next(iter(get_close_matches(name, known, 1)), None) for name in odd if not _OF_KUBERNETES.search(name)
        }

    @property
    def unknown(self) -> Mapping[str, str | None]:
        """Variables that begin with JANUS_ and that nothing reads, each with the name that was probably meant."""
        return self._unknown

    @property
    def models(self) -> Mapping[str, ConfiguredModel]:
        """The models that backend/models.py declares, by their short names."""
        return self._models

    @property
    def answer_seconds(self) -> float:
        """The maximum time of an answer (S15), in seconds. The callers wait longer, so they get the answer's end."""
        return self.timeout_seconds - min(10.0, self.timeout_seconds / 2)

    @property
    def pacing_seconds(self) -> float | None:
        """The fixed time between two deltas in seconds; None if none is set."""
        return 1 / int(self.pacing) if self.pacing.isdecimal() else None

    @property
    def base_urls(self) -> list[str]:
        """The base URLs of all configured servers."""
        return list(self.named_base_urls.values())

    @property
    def named_base_urls(self) -> dict[str, str]:
        """The base URLs of all configured servers, by the name of the setting, or of the model, that holds it."""
        named = {
            "JANUS_LLM_BASE_URL": self.llm_base_url,
            "JANUS_SEARCH_URL": self.search_url,
            "JANUS_FETCH_URL": self.fetch_url,
            "JANUS_SANDBOX_URL": self.sandbox_url,
            "JANUS_VECTOR_URL": self.vector_url,
            "JANUS_IMAGE_URL": self.image_url,
            "JANUS_SPEECH_URL": self.speech_url,
            "SANDY_BASE_URL": self.sandy_base_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp_endpoint,
            **{f"the model {name}": model.base_url for name, model in self.models.items()},
            **self._own.urls,
        }
        return {name: url for name, url in named.items() if url}

    @property
    def otlp_header_values(self) -> dict[str, str]:
        """The collector's headers. Their values are URL-decoded, as OpenTelemetry specifies."""
        given = self.otlp_headers.get_secret_value() if self.otlp_headers else ""
        pairs = (pair.partition("=") for pair in given.split(",") if "=" in pair)
        return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}

    @property
    def secrets(self) -> list[str]:
        """All secret values, which the log hides."""
        return [*self.named_secrets.values(), *self.otlp_header_values.values()]

    @property
    def named_secrets(self) -> dict[str, str]:
        """The secret values, by the preferred name of their environment variable."""
        found = [(variables(field)[0], getattr(self, name)) for name, field in type(self).model_fields.items()]
        found += [(f"the key of the model {name}", model.key) for name, model in self.models.items()]
        ours = {name: value.get_secret_value() for name, value in found if isinstance(value, SecretStr)}
        return {**ours, **self._own.secrets}

    def key_for(self, base_url: str) -> SecretStr | None:
        """The configured key for a server: for Chutes that of Chutes, for the default server also one of the others."""
        chutes = self.chutes_api_key if is_platform(base_url) else None
        is_default = base_url == self.llm_base_url or _are_one_server(base_url, self.llm_base_url)
        return (self.llm_api_key or chutes or self.openai_api_key) if is_default else chutes


def _are_one_server(url: str, other: str | None) -> bool:
    if other is None:
        return False
    return parse(url)[0] == parse(other)[0] or (is_platform(url) and is_platform(other))


def variables(field: FieldInfo) -> list[str]:
    """The names of a field's environment variables, the preferred one first."""
    alias = field.validation_alias
    return [str(name) for name in alias.choices] if isinstance(alias, AliasChoices) else []


def meanings() -> list[dict[str, str]]:
    """Returns the description of each field, in groups. A blank line between two fields starts a new group.

    The description is the string below the field in the source file. A running server never calls this function.
    """
    settings: Any = ast.parse(inspect.getsource(Settings)).body[0]
    groups: list[dict[str, str]] = []
    above = 0
    for pair in pairwise(settings.body):
        match pair:
            case ast.AnnAssign(target=ast.Name(name)) as field, ast.Expr(ast.Constant(str(text))) as below:
                if field.lineno - above > 1:
                    groups.append({})
                groups[-1][name] = text
                above = below.end_lineno or 0
    return groups


def _shown(default: object) -> str:
    if default is None or default == frozenset():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


_OURS = {name for field in Settings.model_fields.values() for name in variables(field)}
# Kubernetes sets such variables for a service whose name begins with `janus-`.
_OF_KUBERNETES = re.compile(r"_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$")


def env_example(declared: Mapping[str, Any] | None = None, own: OwnValues | None = None) -> str:
    """The text of `.env.example`: every variable with its default, commented out, and the owner's."""
    lines = [
        "# Made by `python -m competitor settings --env`. Copy it to .env, which `make run` and compose.yaml read.",
        "# Put keys into .env only: git ignores it.",
    ]
    for group in meanings():
        lines.append("")
        for name, about in group.items():
            first, *others = variables(Settings.model_fields[name])
            also = f" Also read from {', '.join(others)}." if others else ""
            lines += [f"# {about}{also}", f"#{first}={_shown(Settings.model_fields[name].default)}"]
    for name, model in (declared or {}).items():
        lines += ["", f"# The model {name} of competitor/backend/models.py: its id, its server, and the server's key."]
        lines += [f"#{variable}={value}" for variable, value in models.variables(name, model).items()]
        lines += [f"#{model.key}="] if model.key else []
    if own and own.described:
        lines += ["", "# Your own settings, of competitor/backend/settings.py."]
        for variable, (about, default) in own.described.items():
            lines += [*([f"# {about}"] if about else []), f"#{variable}={default}"]
    return "\n".join(lines) + "\n"


def markdown_table(own: OwnValues | None = None) -> str:
    """The settings as a Markdown table, as in `docs/settings.md`; the owner's come last."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, about in (pair for group in meanings() for pair in group.items()):
        names = ", ".join(f"`{variable}`" for variable in variables(Settings.model_fields[name]))
        shown = _shown(Settings.model_fields[name].default)
        rows.append(f"| {names} | {f'`{shown}`' if shown else ''} | {about} |")
    for variable, (about, default) in (own.described if own else {}).items():
        rows.append(f"| `{variable}` | {f'`{default}`' if default else ''} | {about} |")
    return "\n".join(rows) + "\n"
