"""Tests the server's own description, `/openapi.json`."""

from competitor.checks import Target
from competitor.checks.responses import CHAT


def test_its_own_description_resolves(core: Target) -> None:
    described = core.get("/openapi.json").json()
    known = described["components"]["schemas"]
    (body,) = described["paths"][CHAT]["post"]["requestBody"]["content"].values()
    waiting = [body["schema"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "$ref" in value:
                assert value["$ref"].removeprefix("#/components/schemas/") in known
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    assert "4XX" in described["paths"][CHAT]["post"]["responses"]
