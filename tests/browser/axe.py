"""Asks axe what on a page violates WCAG."""

from importlib.resources import files

from selenium.webdriver import Chrome

from .window import asked


def violations(browser: Chrome) -> list[str]:
    """What axe finds on the page that WCAG 2.1 A or AA forbids: each with its rule and its place."""
    if not asked(browser, "Boolean(window.axe)"):
        browser.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = browser.execute_async_script(
        """const done = arguments[0];
        axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).then(({passes, violations}) => done(
            passes.length ? violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>
                `${id}: ${html.slice(0, 150)} ${failureSummary.slice(0, 200)}`)) : ["axe has looked at nothing"]))"""
    )
    return found
