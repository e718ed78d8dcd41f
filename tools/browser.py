"""Sees to it that there is a Chromium with its driver, from Debian's packages. Fails where there cannot be one.

`make test-browser` runs it: a test in a browser that is skipped for want of a browser shows nothing.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = ("chromium", "chromium-driver")
BROWSERS = ("chromium", "google-chrome")  # the second is what GitHub's runners have
DRIVER = "chromedriver"


def main() -> int:
    if not missing():
        return 0
    if shutil.which("apt-get") is None:
        print(f"{' and '.join(missing())} must be installed; only Debian's packages are known here.", file=sys.stderr)
        return 1
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run([*become, "apt-get", *arguments], check=False, env=environment).returncode:
            print(f"apt-get {' '.join(arguments)} failed.", file=sys.stderr)
            return 1
    if missing():
        print(f"Installed, but {' and '.join(missing())} cannot be found.", file=sys.stderr)
    return 1 if missing() else 0


def missing() -> list[str]:
    return [name for name, found in ((BROWSERS[0], browser()), (DRIVER, shutil.which(DRIVER))) if found is None]


def browser() -> str | None:
    """Where the browser is."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


if __name__ == "__main__":
    sys.exit(main())
