from __future__ import annotations

import sqlite3

from assured_jobs.demo.server import free_port

PAGE = "http://127.0.0.1:8000/imports/stars"


def test_an_async_import_goes_on_behind_the_last_row_and_the_web_app_can_tell(walk, meet_ann) -> None:
    port = free_port()
    tour = walk("fastapi", SECONDS_PER_ROW="0.4", UVICORN_PORT=str(port))
    tour.ports["8000"] = port
    tour.start("ASSURED_JOBS_WEB_USERNAME=ann ASSURED_JOBS_WEB_PASSWORD=change-me uvicorn app:app")
    tour.wait(lambda: tour.answers(PAGE), "the web app answers")
    tour.start("dramatiq tasks")
    ann = meet_ann(port)

    assert tour.run_json("curl")["of"] == 16
    tour.wait(lambda: tour.get(PAGE)["imported"] >= 2, "two rows are imported")
    assert tour.run_json("curl")["imported"] >= 2
    tour.kill()
    stands = tour.run_json("curl")
    assert (stands["done"], stands["crashes"], stands["imported"] < 16) == (False, 0, True)
    tour.wait(ann.sees_the_dead, "the dashboard says so")

    tour.start("dramatiq tasks")
    tour.wait(lambda: tour.get(PAGE)["done"], "every row is imported")
    assert tour.run_json("curl") == {"name": "stars", "done": True, "imported": 16, "of": 16, "crashes": 1}
    with sqlite3.connect(tour.folder / "imports.db") as db:
        stars = [data.split("|")[0] for (data,) in db.execute("SELECT data FROM rows ORDER BY line")]
    assert (stars[0], stars[-1], len(stars)) == ("Sirius", "Fomalhaut", 16)
    tour.finish()
