"""Errors: every way in which a request can fail, as a caller sees it.
Contract file: replaced by updates.

Exception
|-- ApiError           the request is refused before an answer starts (S16): OpenAI's error shape
|-- UpstreamError      the model's server failed: a sentence in the answer, never a status (S13)
|-- ArtifactError      one artifact could not be saved: a sentence in the answer
|-- ServiceError       a service that the backend has called failed: a sentence in the answer
|-- AnswerFull         the answer reached the size limit: it ends with `length`
`-- AnswerClosed       the answer has ended: an event came too late
"""

from collections.abc import Mapping

# code -> (status, OpenAI's error type). One table, so that codes stay stable for callers.
CODES: dict[str, tuple[int, str]] = {
    "invalid_json": (400, "invalid_request_error"),
    "invalid_value": (400, "invalid_request_error"),
    "body_too_large": (413, "invalid_request_error"),
    "unsupported_media_type": (415, "invalid_request_error"),
    "unsupported_encoding": (415, "invalid_request_error"),
    "not_allowed": (403, "permission_error"),
    "not_found": (404, "invalid_request_error"),
    "too_slow": (408, "invalid_request_error"),
    "gone": (410, "invalid_request_error"),
    "range_not_satisfiable": (416, "invalid_request_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "head_too_large": (431, "invalid_request_error"),
    "bad_request": (400, "invalid_request_error"),
    "overloaded": (503, "overloaded_error"),
    "internal_error": (500, "server_error"),
}

# kind -> what the user reads in the answer (S13). The cause itself goes only to the log,
# because the upstream's message may contain parts of a key.
UPSTREAM_KINDS: dict[str, str] = {
    "unreachable": "The model's server cannot be reached.",
    "silent": "The model's server stopped answering.",
    "broke_off": "The connection to the model's server broke off before the answer was complete.",
    "busy": "The model's server is too busy to answer (HTTP {status}). Please try again later.",
    "refused_key": "The model's server refused the access key (HTTP {status}).",
    "refused": "The model's server refused the request (HTTP {status}).",
    "failed": "The model's server failed (HTTP {status}).",
    "not_openai": "The model's server did not answer in OpenAI's format.",
    "in_stream": "The model's server reported an error in the middle of its answer.",
    "too_large": "The model's server sent more than this competitor accepts.",
    "wrong_shape": "The model did not answer in the form that this competitor needs.",
    "egress": "The model's server is not among the hosts that this competitor may call.",
}

# kind -> what the user reads about an artifact that could not be saved. The cause goes only to the log.
ARTIFACT_KINDS: dict[str, str] = {
    "too_large": "it is larger than {most} bytes, the maximum size",
    "store_full": "the stored files would then exceed the maximum total size",
    "disk_full": "the disk is full",
    "read_only": "the file storage is read-only",
    "unavailable": "the file storage cannot be used now",
    "unreadable": "it cannot be read",
}


class ApiError(Exception):
    """Refuses a request with a response in OpenAI's error shape.

    `code` is a key of `CODES`; `message` is a whole sentence that names the field and never holds
    the caller's value; `param` is the path of the field, such as `messages[0].content`.
    """

    def __init__(self, code: str, message: str, param: str | None = None, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.type = CODES[code]
        self.code, self.message, self.param, self.headers = code, message, param, dict(headers or {})


GO_ON = "Go on exactly where you stopped. Repeat nothing."


class UpstreamError(Exception):
    """The model's server failed. `kind` is a key of `UPSTREAM_KINDS`; only the log gets `detail`.

    `retry_after` is the pause in seconds that the server asked for. `model` is the name of the model that failed, as
    the backend gave it; of several, the last one. `said` is the text that the call had passed on before it failed.
    `can_go_on` is false if nothing was passed on, so that all models of a list have failed, and if a tool call of the
    client was: it can be neither ended nor taken back.
    """

    def __init__(self, kind: str, detail: str = "", *, status: int = 0, retry_after: float | None = None):
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail, self.status, self.retry_after = kind, detail, status, retry_after
        self.model = self.said = ""
        self.can_go_on = False

    @property
    def follow_up(self) -> list[dict[str, str]]:
        """Messages that let another model go on after `said`; none if nothing was said."""
        said = [{"role": "assistant", "content": self.said}, {"role": "user", "content": GO_ON}]
        return said if self.said else []

    @property
    def sentence(self) -> str:
        return UPSTREAM_KINDS[self.kind].format(status=self.status)


class ArtifactError(Exception):
    """An artifact could not be saved. Its text is a sentence for the user; `kind` is a key of `ARTIFACT_KINDS`.

    Only the log gets `detail`.
    """

    def __init__(self, kind: str, *, detail: str = "", most: int = 0, name: str = "The file"):
        super().__init__(f"{name} could not be saved: {ARTIFACT_KINDS[kind].format(most=most)}.")
        self.kind, self.detail, self.most = kind, detail, most

    def about(self, name: str) -> "ArtifactError":
        """The same error with the file's name in its sentence."""
        return ArtifactError(self.kind, detail=self.detail, most=self.most, name=f"The file {name[:100]}")


class ServiceError(Exception):
    """A service that a backend has called failed. Its text is a sentence that names the host and its setting.

    `status` is the HTTP status, or 0 without one. Only the log gets `detail`, such as the first bytes of the response.
    """

    def __init__(self, sentence: str, *, status: int = 0, detail: str = ""):
        super().__init__(f"{sentence}.")
        self.status, self.detail = status, detail


class AnswerFull(Exception):
    """The answer has reached its maximum size."""


class AnswerClosed(Exception):
    """The answer has ended, so nothing can be added to it."""
