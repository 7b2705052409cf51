from __future__ import annotations

import json

import pytest

from assured_jobs.orphans import Orphans, Selection
from assured_jobs.recovery import Recovery


def in_custody(scene) -> int:
    k = scene.keys
    return sum(scene.redis.zcard(key) for key in (k.held, k.deferred, k.released))


def assert_each_is_queued_once(scene, *deliveries: str) -> None:
    assert sorted(scene.queued()) == sorted(deliveries)
    assert all(scene.payload(delivery) for delivery in deliveries)
    assert in_custody(scene) == 0
    assert not [key for key in scene.redis.scan_iter() if b":custody:" in key]


@pytest.fixture
def waiting(scene) -> list[str]:
    """Deliveries in every state that waits."""
    made = [delivery for _, delivery in scene.hold("x", number=3)]
    made.append(scene.defer("y")[1])
    scene.run("retry", made[0])
    made.append(scene.orphan("z", worker="web-3.1.cccc")[1])
    return made


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_everything_that_waits_is_in_its_queue_once(scene, waiting, more):
    result = scene.run("release", "--all", "--yes", *more)
    assert result.exit_code == 0, result.output
    assert_each_is_queued_once(scene, *waiting)
    if more:
        assert json.loads(result.stdout) == {"done": len(waiting), "gone": 0, "refused": 0, "notes": []}
    else:
        assert f"released {len(waiting)}\n" in result.stdout


@pytest.mark.parametrize("said_before", [False, True], ids=["held", "released before"])
def test_what_waits_for_a_hook_waits_for_it_no_longer(scene, said_before):
    [(message_id, held)] = scene.hold(has_hook=True)
    _, deferred = scene.defer(has_hook=True)
    _, unjudged = scene.orphan(worker="web-3.1.cccc")
    if said_before:
        scene.run("retry", message_id, deferred)
    Recovery(scene.ledger).run([])
    assert in_custody(scene) == 2, "without the hook a pass leaves them"
    assert scene.run("release", "--all", "--yes").exit_code == 0
    assert_each_is_queued_once(scene, held, deferred, unjudged)


def test_said_twice_it_is_done_once(scene, waiting):
    scene.run("release", "--all", "--yes")
    result = scene.run("release", "--all", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Nothing waits.\n")
    assert_each_is_queued_once(scene, *waiting)


def test_a_held_job_whose_payload_was_purged_is_gone_and_not_queued(scene):
    [(_, kept), (_, purged)] = scene.hold(number=2)
    scene.redis.hdel("dramatiq:default.msgs", purged)
    found = scene.json("release", "--all", "--yes")
    assert (found["done"], found["gone"]) == (1, 1)
    assert_each_is_queued_once(scene, kept)


def test_before_it_is_confirmed_nothing_is_done(scene, waiting):
    before = scene.everything()
    result = scene.run("release", "--all")
    assert result.exit_code == 2
    assert f"release would be about {len(waiting) - 1} jobs" in result.stderr, "the one released before needs no word"
    assert scene.everything() == before


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_shows_what_it_is_about_and_asks(scene, waiting, answering, answer, code):
    before = scene.everything()
    done = answering(f"{answer}\n", "release", "--all")
    assert done.returncode == code, done.stderr
    assert "3 jobs (everything):" in done.stdout
    assert "and 1 job of dead workers, to be recovered first" in done.stdout
    assert "Put 4 jobs back into the queues, poison too?" in done.stdout
    assert (scene.everything() == before) is (answer == "n")
    assert in_custody(scene) == (0 if answer == "y" else 4)


def test_without_all_it_is_explained_by_example(scene):
    result = scene.run("release")
    assert result.exit_code == 2
    assert "Example: assured-jobs release --all" in result.stderr


def test_what_nobody_can_place_is_said_to_be_left(scene):
    [(_, lost), (_, kept)] = scene.hold(number=2)
    scene.redis.hdel(scene.keys.orphans, lost)
    result = scene.run("release", "--all", "--yes")
    assert result.exit_code == 1
    assert "1 job left" in result.stderr
    assert scene.queued() == [kept]


def test_what_is_left_to_dramatiq_itself_is_not_called_left(scene):
    scene.actor = "theirs"
    _, delivery = scene.send()
    for number in (1, 2):
        info = scene.register(f"web-{number}.1.aaaa", assured=())
        scene.fetch(info, delivery)
        scene.declare_dead(info)
        scene.run("recover")
    assert scene.redis.smembers(f"dramatiq:__acks__.{info.broker_id}.default") == {delivery.encode()}
    result = scene.run("release", "--all", "--yes")
    assert result.exit_code == 0, result.output
    assert "left:" not in result.stderr


def test_workers_that_still_live_are_named_as_a_reason_to_say_it_again(scene):
    scene.register("web-4.1.dddd", present=True)
    result = scene.run("release", "--all", "--yes")
    assert result.exit_code == 0
    assert "1 worker with the middleware still alive" in result.stderr


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.actor = name
    scene.hold(name)
    result = scene.run("release", "--all", "--yes", color=True, env={"FORCE_COLOR": "1"})
    assert result.exit_code == 0, result.stderr
    assert is_plain(result.stdout)
    assert len(result.stdout) < 2000


def test_two_who_release_at_once_leave_one_copy_of_each(scene, waiting):
    desks = [Orphans(scene.ledger) for _ in range(2)]
    desks[0].recover()
    plans = [desk.plan("release", Selection()) for desk in desks]
    tallies = [desk.release_all(plan, "ann") for desk, plan in zip(desks, plans, strict=True)]
    for desk in desks:
        desk.close()
    assert_each_is_queued_once(scene, *waiting)
    assert [(tally.done, tally.gone) for tally in tallies] == [(3, 0), (0, 3)]
