"""Tests that only listed hosts are allowed, however a URL is written."""

import pytest

from competitor.core.outbound.egress import PLATFORM_HOSTS, Egress, EgressRefused, Origin, is_platform, parse

EGRESS = Egress(["http://127.0.0.1:9900/v1", "https://llm.example.com/v1", "http://[::1]:8000/v1"])

GOOD = [
    "http://127.0.0.1:9900/v1/chat/completions",
    "https://llm.example.com/v1/chat/completions",
    "https://LLM.example.com/other",
    "https://llm.example.com:443/v1",
    "http://[::1]:8000/v1",
    *(f"https://{host}/x?y=z" for host in PLATFORM_HOSTS),
]
HOSTILE = [
    "http://127.0.0.1/", "http://127.0.0.1:9901/", "https://127.0.0.1:9900/", "http://127.1:9900/", "http://2130706433:9900/",
    "http://0x7f000001:9900/", "http://0177.0.0.1:9900/", "http://127.0.0.1.:9900/", "http://localhost:9900/",
    "http://[::ffff:127.0.0.1]:9900/", "http://[::1]:9900/", "http://[::1%25lo]:8000/", "http://[0:0:0:0:0:0:0:1]:8000/",
    "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://100.100.100.200/",
    "http://user@llm.example.com/", "https://llm.example.com@evil.example/", "https://evil.example#@llm.example.com/",
    "https://evil.example?llm.example.com", "https://evil.example\\@llm.example.com/", "https://llm.example.com\\.evil.example/",
    "https://llm.example.com.evil.example/", "https://evilllm.example.com/", "https://sub.llm.example.com/",
    "http://llm.example.com/", "https://llm.example.com:444/", "https://llm.example.com:99999/",
    "https://llm.example.com:-1/", "https://llm.example.com:80a/", "ftp://llm.example.com/", "file:///etc/passwd",
    "gopher://llm.example.com/", "javascript:alert(1)", "data:text/plain,x", "//llm.example.com/", "/v1", "", " ", "https://",
    "https:///v1", "https:llm.example.com", "https:/llm.example.com", "https://llm.example.com\n.evil.example/",
    "https://llm.example.com\t/", "https://llm.example.com\r\nhost: evil/", " https://evil.example/", "https://ev il/",
    "https://llm.example.com%00.evil.example/", "https://llm%2eexample.com.evil/", "https://llm\u3002example.com.evil/",
    "https://\u212Alm.example.com/", "https://llm.example.com\u2044evil/", "https://xn--llm.example.com/",
    "https://api.chutes.ai.evil.example/", "https://chutes.ai/", "http://api.chutes.ai/", "https://api.chutes.ai:8443/",
    "https://user:pass@api.chutes.ai/", "https://search.janus.rodeo:80/", "https://janus.rodeo/", "https://[api.chutes.ai]/",
    # Other ways to write an address, names that resolve to one, and addresses of cloud services and local networks.
    "http://127.0.0.2:9900/", "http://127.0.1:9900/", "http://0.0.0.0:9900/", "http://0:9900/", "http://0x7f.1:9900/",
    "http://0x7f.0x0.0x0.0x1:9900/", "http://017700000001:9900/", "http://0127.0.0.1:9900/", "http://127.0.0.1%00:9900/",
    "http://\u2460\u2461\u2466.0.0.1:9900/", "http://127\u30020\u30020\u30021:9900/", "http://\uff11\uff12\uff17.0.0.1:9900/",
    "http://[::]:8000/", "http://[::ffff:7f00:1]:9900/", "http://[64:ff9b::7f00:1]:9900/", "http://[2002:7f00:1::]:9900/",
    "http://[fe80::1]:8000/", "http://[fd00:ec2::254]/latest/", "http://[::1]:8000:80/", "http://[::1].evil.example:8000/",
    "http://[0::1]:8000/", "http://[::0001]:8000/", "http://[::1%lo]:8000/", "http://127.0.0.1.nip.io:9900/",
    "http://localtest.me:9900/", "http://7f000001.c0a80001.rbndr.us:9900/", "http://169.254.169.254.nip.io/", "http://169.254.170.2/v2/",
    "http://2852039166/latest/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://instance-data/latest/",
    "http://metadata/computeMetadata/v1/", "http://192.0.0.192/opc/", "http://10.0.0.1:9900/", "http://172.17.0.1:2375/",
    "http://192.168.0.1:9900/", "http://kubernetes.default.svc/", "http://host.docker.internal:9900/", "unix:///var/run/docker.sock",
    "dict://127.0.0.1:9900/", "ldap://127.0.0.1:9900/", "ws://127.0.0.1:9900/", "wss://llm.example.com/", "HTTPS2://llm.example.com/",
    "http://127.0.0.1:9900@evil.example/", "http://evil.example:80@127.0.0.1:9900/", "http://@127.0.0.1:9900/",
    "https://llm.example.com:443@evil.example/", "https://llm.example.com:@evil.example/", "http://127.0.0.1:9900\t@evil.example/",
    "https://evil.example/https://llm.example.com/", "https://evil.example;llm.example.com/", "https://evil.example,llm.example.com/",
    "https://llm.example.com|evil.example/", "https://llm.example.com^evil.example/", "https://llm.example.com`evil.example/",
    "https://llm_example.com/", "https://llm.example.com./", "https://llm.example.com.:443/", "https://llm.example.com:0443x/",
    "https://llm.example.com:443\u0661/", "https://LLM.EXAMPLE.COM.evil.example/", "https://api.chutes.ai\u0000/", "https://api.chutes.ai\u00ad/",
    "https://api\u2024chutes\u2024ai/", "https://\u0430pi.chutes.ai/", "https://api.chutes.ai.:443/", "https://API.CHUTES.AI:80/",
    "http://[::1/", "http://]::1[/", "https://llm..example.com/", "https://.llm.example.com/", "https://-llm.example.com/",
]  # fmt: skip


@pytest.mark.torture("D", "good URLs")
@pytest.mark.parametrize("url", GOOD)
def test_listed_and_configured_hosts_are_allowed(url: str) -> None:
    EGRESS.check(url)


@pytest.mark.torture("D", "hostile URLs refused")
@pytest.mark.parametrize("url", HOSTILE)
def test_all_other_hosts_are_refused(url: str) -> None:
    with pytest.raises(EgressRefused):
        EGRESS.check(url)


def test_the_host_that_was_checked_is_the_one_that_is_called() -> None:
    assert EGRESS.check("https://llm.example.com/v1?a=b#c") == (Origin("https", "llm.example.com", 443), "/v1?a=b")
    assert parse("http://[::1]:8000/v1")[0].host_header == "[::1]:8000"
    assert parse("https://llm.example.com/v1")[0].host_header == "llm.example.com"


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://llm.chutes.ai/v1", True),
        ("https://chutes.ai/v1", True),
        ("https://a.b.chutes.ai/v1", True),
        ("https://evilchutes.ai/v1", False),
        ("https://chutes.ai.evil.example/v1", False),
        ("https://proxy.janus.rodeo/v1", False),
    ],
)
def test_the_user_s_token_is_only_for_chutes_and_its_subdomains(url: str, is_one: bool) -> None:
    assert is_platform(url) == is_one
