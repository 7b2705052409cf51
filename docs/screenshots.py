"""Makes the pictures of the README: `make screenshots`. The demo's dashboard, before the chromium of the system."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"

#: File, page, colour scheme.
PICTURES = (("overview.png", "", "light"), ("orphans.png", "orphans", "dark"))


def main() -> int:
    demo = subprocess.Popen(
        [sys.executable, "-m", "assured_jobs", "demo", "--web"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert demo.stdout
        address = next(found[0] for line in demo.stdout if (found := re.search(r"http://\S+", line)))
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, path, scheme in PICTURES:
                page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
                page.goto(address + path)
                page.screenshot(path=IMAGES / name)
            browser.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
