"""Tests the documentation site: each page is in its navigation, no link is broken, and nothing comes from elsewhere."""

import functools
import http.server
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.site import build

from ..browser.window import PHONE, WIDE, asked, opened, photographed, said_by, started
from ..template_path import TEMPLATE

PAGES = {"docs/baking.md", "README.md", "{{cookiecutter.project_slug}}/docs/backend.md", "docs/clauses/README.md"}
NAV = build.CONFIG.read_text(encoding="utf-8").partition("nav:")[2]


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page(baked: Path) -> None:
    found = {
        build.place(f"{build.SLUG}/{path.relative_to(baked).as_posix()}")
        for path in build.matching(baked, build.OF_A_REPO)
    }
    found |= {
        build.place(path.relative_to(TEMPLATE).as_posix()) for path in build.matching(TEMPLATE, build.OF_THE_TEMPLATE)
    }
    entries = set(re.findall(r"[\w./-]+\.md", NAV.replace("CLAUSES", build.clauses())))
    assert entries == found


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/README.md", "baking.md#hooks", "baking.md#hooks"),
        ("docs/README.md", "clauses/README.md", "clauses/README.md"),
        ("docs/README.md", "clauses", "clauses/README.md"),
        ("README.md", "docs/baking.md", "docs/baking.md"),
        ("docs/baking.md", "../README.md#more", "../index.md#more"),
        ("docs/baking.md", "../%7B%7Bcookiecutter.project_slug%7D%7D/docs/backend.md", "../repo/docs/backend.md"),
        ("docs/baking.md", "../Makefile", f"{build.REPOSITORY}/blob/main/Makefile"),
        ("docs/baking.md", "../tests", f"{build.REPOSITORY}/tree/main/tests"),
        ("docs/baking.md", "#hooks", "#hooks"),
        ("docs/baking.md", "https://example.com/a.md", "https://example.com/a.md"),
    ],
)
def test_where_a_link_leads_on_the_site(page: str, link: str, expected: str) -> None:
    assert build.target(link, page, PAGES) == expected


def test_a_link_that_leads_nowhere_ends_the_build() -> None:
    with pytest.raises(SystemExit, match=r"docs/baking.md: gone.md leads nowhere"):
        build.target("gone.md", "docs/baking.md", PAGES)


def test_code_keeps_its_text() -> None:
    text = "[a](baking.md)\n```md\n[a](baking.md)\n```\n"
    assert build.linked(text, "README.md", {"baking.md"}) == text
    assert "blob/main/Makefile" in build.linked("[make](Makefile)", "README.md", PAGES)
    assert "blob/main" not in build.linked("```md\n[make](Makefile)\n```\n", "README.md", PAGES)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The URL of the built site."""
    subprocess.run(["make", "-s", "site"], cwd=TEMPLATE, check=True, timeout=600)
    handler = functools.partial(_Quiet, directory=str(build.BUILT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere_and_fits_a_phone(site: str, tmp_path: Path) -> None:
    shots = TEMPLATE / "build" / "console"
    with started(tmp_path) as browser:
        for page in ("index", "docs/variants", "docs/score", "docs/clauses/S8", "repo/docs/cookbook", "docs/workshop"):
            for name, size, scheme in (("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
                opened(browser, f"{site}/{page}.html", size, scheme)
                assert said_by(browser) == []
                foreign = (
                    "performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length"
                )
                assert asked(browser, foreign) == 0
                assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")
                photographed(browser, shots / f"site-{page.replace('/', '-')}-{name}.png", size)


@pytest.mark.slow
def test_the_search_finds_a_page(site: str, tmp_path: Path) -> None:
    index = (build.BUILT / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "docs/clauses/S8.html" in index
