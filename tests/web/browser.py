"""A real browser before the real dashboard, and a second site that means no good."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

#: Plain HTTP names: for these a browser sends no Sec-Fetch-Site.
NAMES = "MAP dash.test 127.0.0.1, MAP evil.test 127.0.0.1"


def needed(found: Any, what: str) -> None:
    """Skips loudly where something is missing; with CI=true that is a failure."""
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{what} is missing: tests/servers.py installs it")
        pytest.skip(f"{what} is missing: NOT TRIED IN A BROWSER")


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port on which an app is served, for as long as the block."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def evil_site() -> Flask:
    """Posts a form to wherever it is told, and puts that into a frame."""
    site = Flask("evil")

    @site.get("/post")
    def post() -> str:
        to = request.args["to"]
        form = f'<form method="post" action="{to}"><input name="id" value="x"></form>'
        return f"{form}<script>document.forms[0].submit()</script>"

    @site.get("/frame")
    def frame() -> str:
        return f'<iframe src="{request.args["to"]}" width="800" height="600"></iframe>'

    return site
