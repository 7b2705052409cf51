"""The app's own login: one account, whose password is in the environment. Without a password nobody gets in."""

from __future__ import annotations

import hmac
import os

from flask import Blueprint, abort, redirect, request, session

from assured_jobs_web import Principal

PASSWORD = os.environ.get("EDITOR_PASSWORD", "")

FORM = """<!doctype html><title>Log in</title>
<form method="post"><label>Password <input type="password" name="password"></label> <button>Log in</button></form>"""

login = Blueprint("login", __name__)


@login.get("/login")
def form():
    return FORM


@login.post("/login")
def log_in():
    given = request.form.get("password", "")
    if not PASSWORD or not hmac.compare_digest(given.encode(), PASSWORD.encode()):
        abort(403, "That is not the password.")
    session.clear()
    session["name"] = "editor"
    return redirect("/orphaned-jobs/")


def who_asks(_request) -> Principal | None:
    """Asked by the dashboard before every page of it. None is nobody; a `Principal.viewer` may look, and not act."""
    return Principal.operator(session["name"]) if "name" in session else None
