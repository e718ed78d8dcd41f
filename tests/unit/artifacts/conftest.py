"""Fixtures: the core with a scripted backend in its own process, and a real S3 server."""

import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from competitor.checks import Target

from ...scripted import SCRIPTED
from ...template_path import contract_tests

processes = contract_tests("processes")
Start = Callable[[Mapping[str, str]], Target]
START_SECONDS = 180.0


@dataclass(frozen=True)
class Process:
    url: str
    pid: int


@pytest.fixture
def start() -> Iterator[Callable[[Mapping[str, str]], Process]]:
    """A function that starts the core with an environment. All processes end with the test."""
    with ExitStack() as running:

        def begin(environment: Mapping[str, str]) -> Process:
            return Process(*running.enter_context(processes.competitor(environment, *SCRIPTED)))

        yield begin


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The core with its own folder for artifacts."""
    folder = tmp_path_factory.mktemp("artifacts")
    with processes.competitor({"JANUS_ARTIFACTS_DIR": str(folder)}, *SCRIPTED) as (url, _):
        yield Target(url)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings for a bucket in a SeaweedFS server on loopback."""
    folder = tmp_path_factory.mktemp("seaweed")
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    (folder / "s3.json").write_text(
        '{"identities": [{"name": "janus", "credentials": [{"accessKey": "one", "secretKey": "two"}],'
        ' "actions": ["Admin", "Read", "Write", "List"]}]}'
    )
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = {name: processes.free_port() for name in (*names, "s3.port", "s3.port.grpc")}
    given = ["-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-s3.config=s3.json", "-s3.iam=false"]
    given += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    given += ["-master.volumeSizeLimitMB=256", "-volume.max=8", *(f"-{name}={port}" for name, port in ports.items())]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([str(weed), "server", *given], cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{ports['s3.port']}"
            _wait(url, process)
            _shell(weed, folder, ports, "s3.bucket.create -name artifacts")
            yield {
                "JANUS_ARTIFACTS_BUCKET": "artifacts",
                "JANUS_ARTIFACTS_ENDPOINT": url,
                "JANUS_ARTIFACTS_ACCESS_KEY": "one",
                "JANUS_ARTIFACTS_SECRET_KEY": "two",
            }
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the server answers. A request without a signature gets a 403."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def _shell(weed: Path, folder: Path, ports: Mapping[str, int], command: str) -> None:
    """Runs a command in SeaweedFS's own shell, with the addresses of the master and of the filer."""
    master = f"-master=127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}"
    filer = f"-filer=127.0.0.1:{ports['filer.port']}.{ports['filer.port.grpc']}"
    done = subprocess.run(
        [str(weed), "shell", master, filer], cwd=folder, input=command, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
