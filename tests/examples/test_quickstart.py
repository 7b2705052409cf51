from __future__ import annotations


def test_a_calendar_is_printed_on_by_the_next_worker(walk) -> None:
    tour = walk("quickstart", SECONDS_PER_MONTH="0.5")
    calendar = tour.folder / "calendars" / "2027"

    def months() -> list[str]:
        return sorted(page.name for page in calendar.glob("*.txt"))

    tour.start("dramatiq tasks")
    assert "Sent: " in tour.run("python send.py 2027")
    tour.wait(lambda: len(months()) >= 2, "two months are printed")
    assert "01.txt\n02.txt" in tour.run("ls")
    tour.kill()
    before = {page: (calendar / page).stat().st_mtime_ns for page in months()}
    assert 2 <= len(before) < 12
    assert "02.txt" in tour.run("ls")
    tour.run("assured-jobs status")

    tour.start("dramatiq tasks")
    tour.wait(lambda: tour.said("Calendar of 2027: printed."), "the rest is printed")
    assert tour.said("Calendar of 2027: 1 workers have died printing it.")
    assert [page for page in tour.run("ls").split() if page.endswith(".txt")] == [f"{n:02}.txt" for n in range(1, 13)]
    assert {page: (calendar / page).stat().st_mtime_ns for page in before} == before
    tour.run("assured-jobs status")
    tour.finish()
