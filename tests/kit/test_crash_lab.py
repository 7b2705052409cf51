"""Must: a test can kill a worker where it likes, and learns the truth about what became of the job."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import redis

from assured_jobs.testing import CrashLab, CrashLabError


@pytest.fixture
def crash_lab(crash_lab: CrashLab, tmp_path: Path) -> CrashLab:
    crash_lab.cwd = Path(__file__).parent
    crash_lab.env["ERRANDS"] = str(tmp_path)
    return crash_lab


@pytest.fixture
def effects(tmp_path: Path):
    path = tmp_path / "effects"
    return lambda: Counter(path.read_text().splitlines()) if path.exists() else Counter()


@pytest.mark.parametrize(
    ("place", "crashes", "runs"),
    [
        ("job.before_begin", 0, 1),
        ("job.after_begin", 1, 1),
        ("app.ran", 1, 2),
        ("job.before_ack", 1, 2),
    ],
)
def test_a_worker_dies_at_the_place_it_is_told_and_its_job_is_done_elsewhere(
    crash_lab, effects, place: str, crashes: int, runs: int
) -> None:
    worker = crash_lab.start("errands", die_at=place)
    id = crash_lab.send("run", "it")
    worker.wait_until_dead()
    assert crash_lab.what_happened(id).copies == 1
    assert effects()["it"] == runs - 1

    second = crash_lab.start("errands", die_at="job.before_ack" if crashes else None)
    if crashes:  # the count is still there to be seen
        second.wait_until_dead()
        assert crash_lab.what_happened(id).crash_count == crashes
        crash_lab.start("errands")
        runs += 1
    story = crash_lab.wait_until_done(id)
    assert (story.copies, effects()["it"]) == (0, runs)


def test_a_job_whose_worker_died_after_the_ack_is_done(crash_lab, effects) -> None:
    worker = crash_lab.start("errands", die_at="job.after_ack")
    id = crash_lab.send("run", "it")
    worker.wait_until_dead()
    assert crash_lab.what_happened(id).state == "done"
    crash_lab.start("errands")
    crash_lab.wait_until_done(crash_lab.send("run", "another"))
    assert effects() == {"it": 1, "another": 1}


def test_a_failed_job_whose_worker_died_between_its_retry_and_its_ack_runs_as_the_retry_alone(
    crash_lab, effects
) -> None:
    worker = crash_lab.start("errands", die_at="job.before_ack")
    id = crash_lab.send("fail_once", "it")
    worker.wait_until_dead()
    crash_lab.start("errands")
    crash_lab.wait_until_done(id)
    assert effects()["it"] == 2


def test_a_delayed_message_is_doubled_for_an_instant_only_and_runs_once(crash_lab, effects) -> None:
    worker = crash_lab.start("errands", die_at="forward.before_ack")
    id = crash_lab.send("run", "it", delay=200)
    assert crash_lab.what_happened(id).state == "queued"
    worker.wait_until_dead()
    assert crash_lab.what_happened(id).copies == 2
    crash_lab.start("errands")
    crash_lab.wait_until_done(id)
    assert effects()["it"] == 1


def test_a_place_is_counted(crash_lab, effects) -> None:
    worker = crash_lab.start("errands", die_at="app.ran:3", threads=1)
    ids = [crash_lab.send("run", f"job {n}") for n in range(3)]
    worker.wait_until_dead()
    assert [crash_lab.what_happened(id).copies for id in ids] == [0, 0, 1]


def test_the_story_of_a_job_that_waits_for_a_person(crash_lab, effects, tmp_path) -> None:
    id = crash_lab.send("wait", "it", gate="gate")
    assert crash_lab.what_happened(id).state == "queued"
    worker = crash_lab.start("errands")
    crash_lab.wait_for(id, "running")
    worker.kill()
    assert crash_lab.wait_for(id, "orphaned").copies == 1

    crash_lab.start("errands")
    story = crash_lab.wait_for(id, "held")
    assert (story.crash_count, story.copies, story.reason) == (1, 1, "its actor says on_orphan=hold")
    assert [crash.instance for crash in story.crashes] == [info.id for info in worker.instances]

    crash_lab.retry(id)
    assert crash_lab.wait_for(id, "running").crash_count == 1
    (tmp_path / "gate").touch()
    assert crash_lab.wait_until_done(id).copies == 0
    assert effects()["it"] == 1


def test_a_deleted_job_is_gone_for_good(crash_lab, effects) -> None:
    worker = crash_lab.start("errands")
    id = crash_lab.send("wait", "it", "gate")
    crash_lab.wait_for(id, "running")
    worker.kill()
    crash_lab.start("errands")
    crash_lab.wait_for(id, "held")
    crash_lab.delete(id)
    story = crash_lab.what_happened(id)
    assert (story.state, story.copies, story.crash_count) == ("discarded", 0, 1)
    with pytest.raises(CrashLabError, match=id):
        crash_lab.retry(id)
    with pytest.raises(AssertionError, match="is discarded"):
        crash_lab.wait_until_done(id)


def test_a_paused_worker_loses_its_job_and_changes_nothing_when_it_wakes(crash_lab, effects, tmp_path) -> None:
    worker = crash_lab.start("errands")
    id = crash_lab.send("wait", "it", "gate")
    crash_lab.wait_for(id, "running")
    crash_lab.start("errands")
    worker.pause()
    crash_lab.wait_for(id, "held")
    (tmp_path / "gate").touch()
    worker.resume()
    # It ends its job, unless it hears that it lost it before it sees the gate.
    crash_lab.wait(lambda: effects()["it"] == 1 or worker.said("had been declared dead"), "the sleeper wakes")
    assert crash_lab.what_happened(id).state == "held"


def test_a_job_that_failed_for_good_is_a_dead_letter(crash_lab) -> None:
    crash_lab.start("errands")
    assert crash_lab.wait_for(crash_lab.send("fail", "it"), "dead_lettered").copies == 0


def test_a_shutdown_lets_a_job_end(crash_lab, effects, tmp_path) -> None:
    worker = crash_lab.start("errands")
    id = crash_lab.send("wait", "it", "gate")
    crash_lab.wait_for(id, "running")
    worker.terminate()
    (tmp_path / "gate").touch()
    worker.wait_until_dead()
    assert crash_lab.what_happened(id).state == "done"
    assert effects()["it"] == 1


def test_a_misspelt_place_is_refused_with_the_right_one(crash_lab) -> None:
    with pytest.raises(CrashLabError, match=r"die_at: .*Did you mean 'job\.after_begin'\?"):
        crash_lab.start("errands", die_at="job.afterbegin")


def test_a_worker_that_does_not_start_shows_its_log(crash_lab) -> None:
    with pytest.raises(CrashLabError, match="No module named 'no_such_app'"):
        crash_lab.start("no_such_app")


def test_the_story_tells_a_second_copy_and_a_lost_one(crash_lab) -> None:
    id = crash_lab.send("run", "it")
    with redis.Redis.from_url(crash_lab.redis_url) as client:
        [delivery] = client.lrange("dramatiq:default", 0, -1)
        client.rpush("dramatiq:default", delivery)
        assert crash_lab.what_happened(id).copies == 2
        client.delete("dramatiq:default")
    story = crash_lab.what_happened(id)
    assert (story.state, story.copies) == ("stranded", 0)
    with pytest.raises(AssertionError, match="is stranded"):
        crash_lab.wait_until_done(id)
