"""Makes sure that Chromium and its driver are installed. Installs Debian's packages if needed; fails on other systems.

`make test-browser` runs it first, because browser tests that are skipped for lack of a browser prove nothing.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = ("chromium", "chromium-driver")
BROWSERS = ("chromium", "google-chrome")  # GitHub's runners have the second one
DRIVER = "chromedriver"


def main() -> int:
    if not missing():
        return 0
    if shutil.which("apt-get") is None:
        print(
            f"{' and '.join(missing())} must be installed; this script can only install Debian's packages.",
            file=sys.stderr,
        )
        return 1
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run([*become, "apt-get", *arguments], check=False, env=environment).returncode:
            print(f"`apt-get {' '.join(arguments)}` failed.", file=sys.stderr)
            return 1
    if missing():
        print(f"The packages were installed, but {' and '.join(missing())} cannot be found.", file=sys.stderr)
    return 1 if missing() else 0


def missing() -> list[str]:
    """The names of the programs that are not installed."""
    return [name for name, found in ((BROWSERS[0], browser()), (DRIVER, shutil.which(DRIVER))) if found is None]


def browser() -> str | None:
    """The path of the browser; None if none is installed."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


if __name__ == "__main__":
    sys.exit(main())
