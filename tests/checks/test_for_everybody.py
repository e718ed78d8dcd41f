"""Tests that `competitor check` can reach any server, and what it leaves behind: reports, baselines and exit codes."""

import http.client
import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import trustme

from competitor.checks import CASES, Target, stand_in
from competitor.checks.judging import LATE, judge, judge_all
from competitor.checks.lateness import Lateness
from competitor.checks.registry import Case
from competitor.checks.report.evidence import REDACTED, curl, looked_at_text
from competitor.checks.responses import Failed, Late, NotShown, Reply, Request, Untimed, require

from ..template_path import UNBAKED
from .harness import serving
from .plain_server import Handler, Json, Plain, PlainServer
from .test_any_server import check

KEY = "sk-secret-of-the-user"
SOME = ("--only", "E1,E2,S8,W1,N4", "--contract", "1.1.0")
PATIENCE_SECONDS = 60.0


class Below(Handler):
    """Serves everything below a path."""

    prefix = "/api/janus"

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        inside = self.path.startswith(f"{self.prefix}/")
        self.path = self.path.removeprefix(self.prefix) if inside else "/not-here"
        return True


class Keyed(Handler):
    """Refuses requests without the key."""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.headers.get("authorization") == f"Bearer {KEY}" and self.headers.get("x-team") == "blue":
            return True
        self.send_response(401)
        self.send_header("content-length", "0")
        self.end_headers()
        return False


@contextmanager
def plain(*bases: type, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    server = PlainServer(type("Served", (Plain,), {"handler_bases": bases})({}))
    if tls is not None:
        server.server.socket = tls.wrap_socket(server.server.socket, server_side=True)
    with server:
        yield server.url.replace("http://", "https://") if tls else server.url


@pytest.mark.parametrize("end", ["", "/v1/", "/v1/chat/completions"])
def test_a_path_in_the_url_comes_before_the_paths_of_the_contract(end: str) -> None:
    with plain(Below) as url:
        done = check(f"{url}{Below.prefix}{end}", *SOME)
    assert done.returncode == 0, done.stdout
    assert "Clauses: 5 ok, 0 broken" in done.stdout


def test_without_its_path_such_a_server_is_broken() -> None:
    with plain(Below) as url:
        assert check(url, *SOME).returncode == 1


def test_a_key_and_headers_are_sent_with_every_request_and_are_in_no_report(tmp_path: Path) -> None:
    files = [tmp_path / "deep" / "er" / f"v.{end}" for end in ("json", "junit", "html")]
    reports = [part for file in files for part in (f"--{file.suffix[1:]}", str(file))]
    with plain(Keyed) as url:
        done = check(url, "--key", KEY, "--header", "X-Team: blue", *SOME, *reports)
        refused = check(url, *SOME)
    assert done.returncode == 0, done.stdout
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert KEY not in text
        assert "blue" not in text
    assert "authorization: (redacted)" in files[2].read_text(encoding="utf-8")
    assert refused.returncode == 1
    assert "the status 401; --key or --header sends a key" in refused.stdout


def test_a_self_signed_certificate_needs_a_ca_or_an_option(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with plain(tls=context) as url:
        refused = check(url, *SOME)
        trusted = check(url, *SOME, "--ca", str(tmp_path / "ca.pem"))
        insecure = check(url, *SOME, "--insecure")
        plain_text = check(url.replace("https:", "http:"), "--only", "E1")
    assert refused.returncode == 2
    assert "is not trusted" in refused.stdout
    assert "--ca FILE, or --insecure" in refused.stdout
    assert trusted.returncode == 0, trusted.stdout
    assert insecure.returncode == 0, insecure.stdout
    assert plain_text.returncode == 1
    with plain() as url:
        assert "does not speak TLS" in check(url.replace("http:", "https:")).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--header", "no colon"], "is not a header"),
        (["--header", "X-A: b\r\nX-B: c"], "is not a header"),
        (["--key", "a\nb"], "--key has a character"),
        (["--ca", "/nonexistent.pem"], "has no certificates"),
        (["--baseline", "/nonexistent.txt"], "cannot be read as a baseline"),
        (["--json", "/dev/null/v.json"], "cannot be written"),
        (["--explain", "Z9"], "There is no clause or case Z9"),
        (["--explain", "N5"], "N5 cannot be checked over HTTP"),
        (["--prompt", "dance=Dance!"], "--prompt 'dance' is not NAME=TEXT"),
        (["--only", "R1/6", "--contract", "1.0.0"], "Contract 1.0.0 does not have R1/6"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_before_anything_is_checked(options: list[str], says: str) -> None:
    with plain() as url:
        done = check(url, *options)
    assert done.returncode == 2
    assert says in done.stdout
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_a_prompt_of_the_user_s_shows_what_no_known_prompt_shows() -> None:
    with plain() as url:
        unseen = check(url, "--only", "A1", "--quick")
        shown = check(url, "--only", "A1", "--quick", "--prompt", "artifact=artifact 100 notes.txt")
    assert "0 ok, 0 broken, 0 missed, 1 not shown" in unseen.stdout
    assert "1 ok, 0 broken, 0 missed, 0 not shown" in shown.stdout


def test_a_host_that_is_not_known_is_named() -> None:
    done = check("http://no-such-host.invalid")
    assert (done.returncode, done.stdout.count("\n")) == (2, 1)


class Named(Plain):
    def health(self) -> tuple[int, Json]:
        status, said = super().health()
        return status, {**said, "name": "my-server", "commit": "abc1234"}


def test_every_report_names_the_server_the_date_the_checks_and_the_machine(tmp_path: Path) -> None:
    files = {end: tmp_path / f"v.{end}" for end in ("json", "junit", "html")}
    with PlainServer(Named({})) as server:
        check(server.url, "--only", "E2", *(part for end, file in files.items() for part in (f"--{end}", str(file))))
    record = json.loads(files["json"].read_text(encoding="utf-8"))
    assert record["server"]["name"] == "my-server"
    assert record["server"]["commit"] == "abc1234"
    assert record["date"].endswith("Z")
    assert record["late_seconds"] >= 0
    for file in files.values():
        text = file.read_text(encoding="utf-8")
        for fact in ("my-server", "abc1234", record["date"], record["checks_version"], "Python"):
            assert fact in text, file.name


class BreaksTwo(Plain):
    """It breaks S8/1, S8/2 and others of S8, and E2/1."""

    def health(self) -> tuple[int, Json]:
        return 200, {"status": "fine"}

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1}


def test_a_baseline_lets_known_failures_pass_and_nothing_else(tmp_path: Path) -> None:
    some = ("--only", "E2,U1", "--contract", "1.1.0")
    baseline = tmp_path / "new" / "known.txt"
    junit = tmp_path / "v.xml"
    with PlainServer(BreaksTwo({})) as bad, PlainServer(Plain({})) as good:
        written = check(bad.url, *some, "--write-baseline", str(baseline))
        known = check(bad.url, *some, "--baseline", str(baseline), "--junit", str(junit))
        lines = baseline.read_text(encoding="utf-8").splitlines()
        fewer = tmp_path / "fewer.txt"
        fewer.write_text("\n".join(line for line in lines if not line.startswith("U1/1")), encoding="utf-8")
        new = check(bad.url, *some, "--baseline", str(fewer))
        stale = check(good.url, *some, "--baseline", str(baseline))
        fewer.write_text("S8/1000 a case that is none", encoding="utf-8")
        odd = check(good.url, *some, "--baseline", str(fewer))
    ids = {line.split()[0] for line in lines if not line.startswith("#")}
    assert ids == {"E2/1", "E2/2", "U1/1", "U1/2"}
    assert (written.returncode, known.returncode, new.returncode, stale.returncode) == (1, 0, 1, 1)
    assert "does not comply" in known.stdout
    assert "Known: E2/1, E2/2, U1/1, U1/2." in known.stdout
    assert 'failures="0"' in junit.read_text(encoding="utf-8")
    assert "which hold: remove the lines" in stale.stdout
    assert odd.returncode == 2
    assert "S8/1000, which is no case" in odd.stdout


def test_ctrl_c_ends_the_run_with_the_verdicts_so_far(tmp_path: Path) -> None:
    """The server needs long for one question; other cases have their verdicts then."""
    waits = threading.Event()

    class Slow(Handler):
        def read_body(self) -> bytes:
            body = super().read_body()
            if b"temperature" in body:
                waits.set()
                time.sleep(PATIENCE_SECONDS)
            return body

    file = tmp_path / "v.json"
    with plain(Slow) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "competitor", "check", url, "--json", str(file), "--timeout", "60"],
            cwd=UNBAKED,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waits.wait(PATIENCE_SECONDS)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS / 2)
    assert (process.returncode, err) == (130, "")
    assert "was being checked against" in out
    assert "The run was stopped before its end." in out
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["stopped"]
    assert not record["complies"]
    cases = {case["id"]: case for case in record["cases"]}
    assert cases["E2/1"]["status"] == "holds"
    assert cases["R2/1"]["reason"] == "the run was stopped before"


def test_a_command_repeats_the_request(tmp_path: Path) -> None:
    """The command is run here without curl, which may not be installed."""
    file = tmp_path / "v.json"
    with PlainServer(BreaksTwo({})) as server:
        check(server.url, "--only", "U1/1", "--json", str(file))
        (case,) = json.loads(file.read_text(encoding="utf-8"))["cases"]
        words = shlex.split(case["evidence"][0]["curl"])
        headers = dict(word.split(": ", 1) for before, word in pairwise(words) if before == "-H")
        url = next(word for word in words if word.startswith("http"))
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
        connection.request("POST", urlsplit(url).path, words[words.index("--data-raw") + 1], headers)
        again = connection.getresponse()
        assert json.loads(again.read())["usage"] == {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1}
        connection.close()


def test_a_command_shows_no_secret_and_no_long_body() -> None:
    asked = Request(
        "POST",
        "/v1/chat/completions",
        {"authorization": "Bearer abc"},
        b'{"chutes_access_token": "cpk_secret"}',
        "http://h",
        ("x-key",),
        {"JANUS_LLM_API_KEY": "sk-1", "JANUS_TIMEOUT": "6"},
    )
    shown = curl(asked)
    assert "Bearer abc" not in shown
    assert "cpk_secret" not in shown
    assert "sk-1" not in shown
    assert '-H "x-key: $X_KEY"' in shown
    assert shown.startswith("# The server was started with JANUS_LLM_API_KEY JANUS_TIMEOUT=6\n")
    assert "--data-binary @body" in curl(Request("POST", "/", {}, b"x" * 10_000))


def timed_case(seconds: list[float]) -> Case:
    """A case that is broken by a time: at each look, by the next of these seconds."""

    def look(thing: object) -> None:
        if over := seconds.pop(0):
            raise Late("it came too late", over)

    return Case("S3/1", "in time", "must", "", lambda target: [("", None)], look)


@pytest.mark.parametrize(
    ("times", "late", "status"),
    [
        ([0.0], 9.0, "holds"),
        ([1.0], 0.5, "broken"),  # this machine was late by less
        ([1.0, 0.0], 1.5, "holds"),  # alone, it is in time
        ([1.0, 2.0], 1.5, "broken"),
        ([1.0, 1.0], 1.5, "not shown"),
    ],
)
def test_a_time_counts_only_if_this_machine_was_not_late(times: list[float], late: float, status: str) -> None:
    lateness = SimpleNamespace(between=lambda start, end: late)
    told: list[str] = []
    (verdict,) = judge_all(
        [Target("http://127.0.0.1:9")],
        [timed_case(list(times))],
        lambda verdict: told.append(verdict.status),
        lateness,  # type: ignore[arg-type]
    )
    assert verdict.status == status
    assert told == [status]
    assert verdict.reason.startswith(LATE) == (status == "not shown")


def test_without_a_measure_of_lateness_a_time_counts_at_once() -> None:
    (verdict,) = judge_all([Target("http://127.0.0.1:9")], [timed_case([1.0])])
    assert verdict.status == "broken"


class FirstWordsLate(Plain):
    def words(self) -> Json | None:
        return None


def test_all_that_breaks_a_rule_is_named_with_the_response_of_the_first() -> None:
    """A failure that no lateness explains comes first; the evidence is the response that the case looked at."""
    replies = [Reply(status, {}, b"") for status in (200, 408, 200, 503)]

    def look(reply: Reply) -> None:
        if reply is replies[1]:
            raise Late("it was late", 9.0)
        require(reply.status == 200, f"it got {reply.status}")

    names = ["a", "b", "c", "d"]
    verdict = judge(Case("S16/1", "", "must", "", lambda target: zip(names, replies, strict=True), look), Target("x:"))
    assert (verdict.status, verdict.reason, verdict.over) == ("broken", "d: it got 503; also broken: b", None)
    assert verdict.evidence == (replies[3],)


def test_what_an_upstream_got_is_shown_without_secrets() -> None:
    def look(body: object) -> None:
        raise Failed("it is wrong")

    bodies = [("", {"temperature": 2, "api_key": "sk-secret", "server": Target("http://127.0.0.1:9")})]
    verdict = judge(Case("R9/2", "", "must", "", lambda target: bodies, look), Target("x:"))
    shown = looked_at_text(verdict.looked_at)
    assert json.loads(shown) == {"temperature": 2, "api_key": REDACTED, "server": "Target"}
    bodies = [("", {"text": "x" * 1_900, "api_key": "sk-secret" * 100})]
    cut = looked_at_text(judge(Case("R9/2", "", "must", "", lambda target: bodies, look), Target("x:")).looked_at)
    assert cut.endswith("\n ...")
    assert "sk-" not in cut


def test_a_finding_without_a_time_is_not_withheld() -> None:
    def look(_: object) -> None:
        raise Untimed("it answered 404")

    case = Case("E6/2", "", "should", "", lambda target: [("", None)], look, timed=True)
    assert judge(case, Target("x:")).over is None


def test_a_part_of_the_cases_does_not_show_that_a_server_complies() -> None:
    with plain() as url:
        done = check(url, "--only", "E1/1")
    assert "was checked by 1 case of contract" in done.stdout


def test_a_slow_server_is_broken_on_a_machine_that_is_not_late() -> None:
    with stand_in() as upstream, serving(FirstWordsLate, upstream) as target, Lateness() as lateness:
        verdicts = judge_all([target], [CASES["S2/2"]], lateness=lateness)
    assert verdicts[0].status == "broken" or verdicts[0].reason.startswith(LATE)


def test_after_the_time_limit_no_request_is_sent() -> None:
    target = Target("http://127.0.0.1:9")
    target.access.until = time.monotonic() - 1
    with pytest.raises(NotShown, match="the time limit for all checks had passed"):
        target.get("/health")


def test_headers_of_the_user_go_to_no_other_server() -> None:
    """An artifact's link may lead to another server, which must not get the key."""
    target = Target("http://127.0.0.1:9")
    target.access.headers = {"authorization": "Bearer abc"}
    assert target.access.elsewhere().headers == {}
    assert dict(target.access.headers)
