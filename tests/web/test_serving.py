"""`assured-jobs web`, the process itself: what its log says, and what it takes before it knows who asks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

from click.testing import CliRunner

from assured_jobs.cli import main
from people import ANN


def test_it_warns_of_what_is_ignored_and_takes_no_large_body_from_a_stranger(server):
    env = {
        **os.environ, "ASSURED_JOBS_WEB_USERNAME": "ann", "ASSURED_JOBS_WEB_PASSWORD": "ann's word",
        "ASSURED_JOBS_WEB_PASWORD": "hunter2",
    }  # fmt: skip
    command = [sys.executable, "-m", "assured_jobs", "--url", server.url, "web", "--port", "0", "--json"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        at = urlsplit(json.loads(process.stdout.readline())["address"])
        with socket.create_connection((at.hostname, at.port), 10) as stranger:
            stranger.sendall(f"POST /runs HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: 50000000\r\n\r\n".encode())
            assert stranger.recv(100).startswith(b"HTTP/1.1 413 ")
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20)
    assert "did you mean ASSURED_JOBS_WEB_PASSWORD?" in log
    assert "ASSURED_JOBS_WEB_SECRET_KEY is not set" in log
    assert "hunter2" not in log


def test_a_bug_leaves_its_traceback_in_the_log_line_by_line_and_harmless(server, monkeypatch):
    class Once:
        effective_port = 1

        def __init__(self, app, **_):
            self.app = app

        def run(self):
            assert self.app.test_client().get("/", headers={**ANN, "Host": "localhost"}).status_code == 500

        def close(self):
            pass

    def bug(_):
        raise LookupError("here\x1b[2J")

    monkeypatch.setattr("assured_jobs_web.serving.create_server", Once)
    monkeypatch.setattr("assured_jobs_web.pages.overview.draw", bug)
    env = {"ASSURED_JOBS_WEB_USERNAME": "ann", "ASSURED_JOBS_WEB_PASSWORD": "ann's word"}
    result = CliRunner().invoke(main, ["--url", server.url, "web"], env=env)
    assert result.exit_code == 0, result.output
    assert "in overview\n" in result.stderr
    assert "LookupError: here\\x1b[2J" in result.stderr
