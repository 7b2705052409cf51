"""POST the addresses of a newsletter, one a line; GET tells how far it is. Whoever logs in sees the orphaned jobs."""

from __future__ import annotations

import os
import secrets

from flask import Flask, abort, request
from login import login, who_asks
from tasks import database, send_newsletter

from assured_jobs_web import Dashboard

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY") or secrets.token_hex()  # several processes need the same
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.register_blueprint(login)
Dashboard(authorize=who_asks).init_app(app, url_prefix="/orphaned-jobs")


@app.post("/newsletters/<name>")
def create(name: str):
    addresses = request.get_data(as_text=True).split()
    db = database()
    if db.execute("INSERT OR IGNORE INTO newsletters VALUES (?, 0)", (name,)).rowcount == 0:
        abort(409, f"The newsletter {name} is already on its way.")
    rows = [(name, address) for address in addresses]
    db.executemany("INSERT OR IGNORE INTO mails (newsletter, address) VALUES (?, ?)", rows)
    send_newsletter.send(name)  # if the web app dies right before this, nobody sends it
    return status(name), 202


@app.get("/newsletters/<name>")
def status(name: str):
    db = database()
    newsletter = db.execute("SELECT lives FROM newsletters WHERE name = ?", (name,)).fetchone()
    if newsletter is None:
        abort(404)
    sent, number = db.execute("SELECT total(sent > 0), count(*) FROM mails WHERE newsletter = ?", (name,)).fetchone()
    state = "sent" if sent == number else "sending" if newsletter[0] else "queued"
    return {"name": name, "state": state, "sent": int(sent), "of": number, "lives": newsletter[0]}
