from __future__ import annotations

from assured_jobs.demo.server import free_port

PAGE = "http://127.0.0.1:8000/statements/2026/11"


def test_statements_go_on_behind_the_last_one_and_the_dashboard_stands_beside_django(walk, meet_ann) -> None:
    port = free_port()
    tour = walk("django", SECONDS_PER_STATEMENT="0.5")
    tour.ports["8000"] = port
    tour.start("ASSURED_JOBS_WEB_USERNAME=ann ASSURED_JOBS_WEB_PASSWORD=change-me waitress-serve")
    tour.wait(lambda: tour.answers(PAGE), "the web app answers")
    tour.start("dramatiq tasks")
    ann = meet_ann(port)

    assert tour.run_json("curl") == {"month": "2026-11", "written": 0, "of": 10}
    assert ann.client.post("/statements/2026/11").status_code == 409
    tour.wait(lambda: tour.get(PAGE)["written"] >= 2, "two statements are written")
    assert tour.run_json("curl")["written"] >= 2
    tour.kill()
    before = {page: page.stat().st_mtime_ns for page in tour.folder.glob("statements/2026-11/*.txt")}
    assert tour.run_json("curl")["written"] == len(before) < 10
    tour.wait(ann.sees_the_dead, "the dashboard says so")

    tour.start("dramatiq tasks")
    tour.wait(lambda: tour.get(PAGE)["written"] == 10, "all are written")
    assert tour.said("Statements of 2026-11: 1 workers have died writing them.")
    assert tour.run_json("curl") == {"month": "2026-11", "written": 10, "of": 10}
    assert {page: page.stat().st_mtime_ns for page in before} == before
    tour.finish()
