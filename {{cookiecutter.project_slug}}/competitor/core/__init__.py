"""The core: the Janus contract as code. Only answer/backend.py imports a backend.
Contract file: replaced by updates.

To change                   open                        at
the keep-alive interval     answer/keepalive.py         PING_SECONDS
a response header           answer/endpoint.py          STREAM_HEADERS
a janus event               events.py                   ToolStart
an error's text             errors.py                   CODES
a metric                    observe/metrics.py          Metrics
a request field             request/schema.py           ChatRequest
a built-in tool             tools/builtin/__init__.py   offered
a limit                     limits.py                   MAX_REQUEST_HEAD_BYTES
a clause's check            ../checks/clauses/          one file per section
a quirk of an upstream      model/dialects.py           FINISH_REASONS

server/     the application, its processes, HTTP/1.1    request/    the schema, parsing, refusals
answer/     the chat endpoint, the backend's run        stream/     chunks as bytes, pacing, the one writer
model/      one call of an upstream, and its dialects   outbound/   the HTTP client and the egress list
observe/    metrics, logs, traces                       tools/      tools, the toolbox, the built-in tools
artifacts/  files for the user, files in requests       console/    the debug console
offline/    the model that needs no network
chat.py, events.py, errors.py, settings.py, limits.py, identity.py, usage.py, arithmetic.py and budget.py serve all.
"""

CONTRACT_VERSION = "1.1.0"
