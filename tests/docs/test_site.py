"""Tests the documentation site: each page is in its navigation, no link is broken, and nothing comes from elsewhere."""

import functools
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tools.site import build

from ..browser.window import PHONE, asked, opened, photographed, said_by, started
from ..template_path import TEMPLATE, UNBAKED

PAGES = {"docs/baking.md", "README.md", "{{cookiecutter.project_slug}}/docs/backend.md", "docs/clauses/README.md"}
DESK = (1440, 1000)  # the navigation is beside the page from 1220 on
BACK = {"light": "rgb(246, 247, 249)", "dark": "rgb(18, 22, 29)"}
CONSOLE = UNBAKED / "competitor" / "core" / "console" / "console.css"
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


def test_a_fence_that_names_a_file_has_it_as_its_title() -> None:
    text = "```diff competitor/backend/agent.py\n-a\n+b\n```\n"
    assert build.linked(text, "README.md", PAGES) == text.replace(
        " competitor/backend/agent.py", ' title="competitor/backend/agent.py"'
    )


def test_a_list_right_below_a_line_gets_an_empty_line_before_it() -> None:
    assert build.linked("These:\n- a\n- b\n", "README.md", PAGES) == "These:\n\n- a\n- b\n"
    assert build.linked("> **These**:\n> - a\n", "README.md", PAGES) == "> **These**:\n> \n> - a\n"
    unchanged = "# A\n- a\n  b\n- c\n\nText\n\n- d\n```\nText\n- e\n```\n"
    assert build.linked(unchanged, "README.md", PAGES) == unchanged


def colours(sheet: Path, name: str) -> list[str]:
    """The values of a colour: light, then dark."""
    return re.findall(rf"--{name}: (#\w+)", sheet.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["back", "card", "text", "dim", "line", "accent"])
def test_the_colours_are_those_of_the_console(name: str) -> None:
    light, dark, *_ = colours(CONSOLE, name)
    assert colours(build.CONFIG.with_name("site.css"), name) == [light, dark]


def test_the_lock_has_hashes_and_no_index_url() -> None:
    text = build.CONFIG.with_name("requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9._-]+==\S+.*\n(?: +--hash=sha256:\w+.*\n)+", text, re.MULTILINE)
    assert len(pins) == text.count("==") > 10
    assert "://" not in text
    assert "index-url" not in text


class Page(HTMLParser):
    """What a built page loads, and its text outside code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.loads += [given[name] for name in ("src", "srcset", "poster", "data") if name in given]
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(given["href"])
        assert "mermaid" not in given.get("class", ""), "the theme would load Mermaid from another host"
        if tag in ("article", "pre", "code"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("article", "pre", "code"):
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data if self._open == ["article"] else ""


def test_a_page_that_loads_from_elsewhere_or_has_raw_markdown_would_be_seen() -> None:
    page = Page('<script src="//a.example/b.js"></script><link rel=icon href=c.png><article>d **e**<code>f</code>')
    assert (page.loads, page.text) == (["//a.example/b.js", "c.png"], "d **e**")
    assert [bool(FOREIGN.match(link)) for link in page.loads] == [True, False]
    assert RAW.search(page.text)


FOREIGN = re.compile(r"(?!data:)\w*:?//|\w+:(?!image/)")
RAW = re.compile(r"\]\(|```|\*\*|^ *[-*+] |^\|", re.MULTILINE)


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


@pytest.fixture(scope="module")
def pages(site: str) -> dict[str, Page]:
    assert site
    found = {path.relative_to(build.BUILT).as_posix(): path for path in sorted(build.BUILT.rglob("*.html"))}
    assert len(found) > 80
    return {name: Page(path.read_text(encoding="utf-8")) for name, path in found.items()}


@pytest.mark.slow
def test_no_page_names_a_script_a_style_or_a_picture_of_another_host(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert [link for link in page.loads if FOREIGN.match(link)] == [], name
    for sheet in build.BUILT.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert re.findall(r"@import|url\([\"']?(?!data:)\w*:?//[^)]*", text) == [], sheet


@pytest.mark.slow
def test_no_page_shows_raw_markdown(pages: dict[str, Page]) -> None:
    assert {name: found[0] for name, page in pages.items() if (found := RAW.search(page.text))} == {}


@pytest.mark.slow
@pytest.mark.parametrize("link", ["docs/gone.md", "docs/baking.md#gone", "docs/gone.png"])
def test_a_broken_link_or_anchor_fails_the_build(
    link: str, site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site
    shutil.copytree(build.SOURCE, tmp_path / build.SOURCE.name)
    shutil.copy(build.SOURCE.parent / "mkdocs.yml", tmp_path)
    with (tmp_path / build.SOURCE.name / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[a]({link})\n")
    assert build.rendered(tmp_path / "mkdocs.yml") == 1
    assert link in capsys.readouterr().out


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere_and_fits_a_phone(site: str, tmp_path: Path) -> None:
    shots = TEMPLATE / "build" / "console"
    with started(tmp_path) as browser:
        for page in ("index", "docs/variants", "docs/score", "docs/clauses/S8", "repo/docs/cookbook", "docs/workshop"):
            for name, size, scheme in (("light", DESK, "light"), ("dark", DESK, "dark"), ("phone", PHONE, "light")):
                opened(browser, f"{site}/{page}.html", size, scheme)
                assert said_by(browser) == []
                foreign = (
                    "performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length"
                )
                assert asked(browser, foreign) == 0
                assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")
                assert asked(browser, "getComputedStyle(document.body).backgroundColor") == BACK[scheme]
                photographed(browser, shots / f"site-{page.replace('/', '-')}-{name}.png", size)


@pytest.mark.slow
def test_the_search_finds_a_page(site: str, tmp_path: Path) -> None:
    with started(tmp_path) as browser:
        opened(browser, f"{site}/index.html", DESK)
        browser.find_element(By.CSS_SELECTOR, "input[name=query]").send_keys("usage exactly once")
        wanted = (By.CSS_SELECTOR, ".md-search-result__link[href*='docs/clauses/S8.html']")
        WebDriverWait(browser, 20).until(lambda each: each.find_elements(*wanted))
        assert said_by(browser) == []
