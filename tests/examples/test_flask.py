from __future__ import annotations

import sqlite3

from assured_jobs.demo.server import free_port

PAGE = "http://127.0.0.1:5000/newsletters/spring"


def test_a_newsletter_goes_on_behind_the_last_mail_and_the_web_app_can_tell(walk, visit) -> None:
    port = free_port()
    tour = walk("flask", SECONDS_PER_MAIL="0.5", FLASK_RUN_PORT=str(port))
    tour.ports["5000"] = port
    tour.start("EDITOR_PASSWORD=change-me flask run")
    tour.wait(lambda: tour.answers(PAGE), "the web app answers")
    tour.start("dramatiq tasks")
    editor, stranger = visit(port), visit(port)
    assert editor.client.post("/login", data={"password": "change-me"}).headers["Location"] == "/orphaned-jobs/"
    editor.assert_at_home()
    assert stranger.client.post("/login", data={"password": "wrong"}).status_code == 403
    stranger.assert_turned_away(403)

    assert tour.run_json("curl")["of"] == 10
    tour.wait(lambda: tour.get(PAGE)["sent"] >= 2, "two mails are sent")
    assert tour.run_json("curl")["state"] == "sending"
    tour.kill()
    stands = tour.run_json("curl")
    assert stands["state"] == "sending"
    assert (stands["lives"], stands["sent"] < 10) == (1, True)
    tour.wait(editor.sees_the_dead, "the dashboard says so")

    tour.start("dramatiq tasks")
    tour.wait(lambda: tour.get(PAGE)["state"] == "sent", "all mails are sent")
    assert tour.run_json("curl") == {"name": "spring", "state": "sent", "sent": 10, "of": 10, "lives": 2}
    with sqlite3.connect(tour.folder / "newsletters.db") as db:
        assert db.execute("SELECT count(*), min(sent), max(sent) FROM mails").fetchone() == (10, 1, 1)
    tour.finish()


def test_without_a_password_nobody_logs_in(walk, visit) -> None:
    port = free_port()
    tour = walk("flask", FLASK_RUN_PORT=str(port))
    tour.instead["EDITOR_PASSWORD=change-me "] = ""
    tour.start("EDITOR_PASSWORD=change-me flask run")
    stranger = visit(port)
    tour.wait(lambda: tour.answers(f"http://127.0.0.1:{port}/login"), "the web app answers")
    for guess in ("", "change-me"):
        assert stranger.client.post("/login", data={"password": guess}).status_code == 403
    stranger.assert_turned_away(403)
