"""A browser before the dashboard that somebody's app has mounted under a prefix, as far as requests tell."""

from __future__ import annotations

import re
from typing import Any

import httpx

PREFIX = "/orphaned-jobs"


class Visitor:
    """`auth`: a name and a password, where the dashboard itself asks for them."""

    def __init__(self, port: int, auth: tuple[str, str] | None = None) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=auth, timeout=30, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(PREFIX + path)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """As the list's own form does it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/orphans").text)
        fields["csrf_token"] = token[1] if token else ""
        return self.client.post(PREFIX + path, data=fields)

    def sees_the_dead(self) -> bool:
        return "BLEEDING: 1 job of 1 dead worker not brought back yet." in self.get("/").text

    def assert_at_home(self) -> None:
        """Every address on its pages, and where an action leads, is below the prefix."""
        without_slash = self.client.get(PREFIX, follow_redirects=True)
        assert "Orphaned jobs" in without_slash.text
        for path in ("/", "/orphans", "/instances"):
            page = self.get(path)
            assert page.status_code == 200, page.text
            addresses = re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)
            assert len(addresses) > 5
            assert [one for one in addresses if not one.startswith(f"{PREFIX}/")] == []
            style = next(one for one in addresses if "dashboard.css" in one)
            assert self.client.get(style.replace("&amp;", "&")).status_code == 200
        done = self.post("/act/retry", id="of-no-job")
        assert (done.status_code, done.headers["Location"]) == (303, f"{PREFIX}/orphans")

    def assert_turned_away(self, status: int) -> None:
        for path in ("/", "/orphans", "/api/v1/status"):
            assert self.get(path).status_code == status, path
        assert self.post("/act/retry", id="x").status_code == status
