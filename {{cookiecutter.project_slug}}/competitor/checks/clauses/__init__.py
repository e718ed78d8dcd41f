"""The cases: one or more files for each section of CONTRACT.md."""
# Contract file: replaced by updates.

from .. import registry
from . import (  # noqa: F401 - importing a file registers its cases
    artifact_links,
    artifacts,
    bad_input,
    egress,
    endpoints,
    failures,
    limits,
    operations,
    passed_on,
    requests,
    stream,
    stream_tools,
    usage,
    whole_response,
)

registry.in_order()
