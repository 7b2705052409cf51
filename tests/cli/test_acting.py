from __future__ import annotations

import json

import pytest

NEW_ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("which", [0, 1], ids=["message id", "delivery"])
def test_retry_releases_a_held_job(scene, which):
    [ids] = scene.hold()
    assert scene.json("retry", ids[which]) == {"done": 1, "gone": 0, "refused": 0, "notes": []}
    assert scene.redis.zscore(scene.keys.released, ids[1])
    assert not scene.redis.zscore(scene.keys.held, ids[1])


def test_retry_grants_one_more_life(scene):
    [(message_id, _)] = scene.hold()
    scene.run("retry", message_id)
    record = scene.redis.hgetall(scene.keys.job(message_id))
    assert int(record[b"limit"]) == int(record[b"crashes"]) + 1


def test_retry_said_twice_is_done_twice_and_released_once(scene):
    [(message_id, delivery)] = scene.hold()
    assert [scene.run("retry", message_id).exit_code for _ in range(2)] == [0, 0]
    assert scene.redis.zcard(scene.keys.released) == 1
    scene.run("recover")
    assert scene.queued() == [delivery]


def test_one_job_named_by_both_its_ids_counts_once(scene):
    [ids] = scene.hold()
    assert scene.json("retry", *ids)["done"] == 1


def test_without_a_watcher_retry_says_what_to_do_next(scene):
    [(message_id, _)] = scene.hold()
    result = scene.run("retry", message_id)
    assert "retried 1\n" in result.stdout
    assert "run `assured-jobs recover`" in result.stdout


@pytest.mark.parametrize("which", [0, 1], ids=["message id", "delivery"])
def test_delete_throws_a_held_job_away_for_good(scene, which):
    [ids] = scene.hold()
    assert scene.run("delete", ids[which]).exit_code == 0
    assert scene.payload(ids[1]) is None
    assert scene.json("orphans")[0]["state"] == "discarded"


def test_a_released_job_can_still_be_deleted(scene):
    [(message_id, delivery)] = scene.hold()
    scene.run("retry", message_id)
    assert scene.json("delete", message_id)["done"] == 1
    scene.run("recover")
    assert scene.queued() == []
    assert scene.payload(delivery) is None


@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_an_unjudged_job_is_refused_and_pointed_to_recover(scene, verb):
    message_id, delivery = scene.orphan()
    result = scene.run(verb, message_id)
    assert result.exit_code == 1
    assert f"{message_id}: still orphaned" in result.stderr
    assert "assured-jobs recover" in result.stderr
    assert scene.payload(delivery)


@pytest.mark.parametrize("verb", ["retry", "delete"])
@pytest.mark.parametrize("id", [NEW_ID, "", "[red]x", "\x1b[2J", "{night}:held", "x" * 5000, "naïve", "*"])
def test_an_id_that_nobody_knows_matches_nothing(scene, is_plain, verb, id):
    scene.hold()
    before = scene.everything()
    result = scene.run(verb, id)
    assert result.exit_code == 1
    assert "nothing waits under this ID" in result.stderr or "characters)" in result.stderr
    assert is_plain(result.stderr)
    assert scene.everything() == before


def test_a_deleted_job_cannot_be_retried(scene):
    [(_, delivery)] = scene.hold()
    scene.run("delete", delivery)
    result = scene.run("retry", delivery)
    assert result.exit_code == 1
    assert "waits no longer" in result.stderr


def test_what_can_be_done_is_done_and_the_rest_makes_the_exit_code(scene):
    [(message_id, _)] = scene.hold()
    result = scene.run("retry", message_id, NEW_ID, "--json")
    assert result.exit_code == 1
    assert {name: json.loads(result.stdout)[name] for name in ("done", "gone", "refused")} == {
        "done": 1, "gone": 1, "refused": 0,
    }  # fmt: skip


def test_retry_all_releases_everything_that_waits(scene):
    made = scene.hold(number=250)
    assert scene.json("retry", "--all", "--yes")["done"] == 250
    assert scene.redis.zcard(scene.keys.released) == len(made)
    assert scene.redis.zcard(scene.keys.held) == 0


def test_retry_all_ends_where_a_record_is_missing(scene):
    [(_, lost), *_] = scene.hold(number=120)
    scene.redis.hdel(scene.keys.orphans, lost)
    assert scene.json("retry", "--all", "--yes")["done"] == 119
    assert scene.redis.zcard(scene.keys.held) == 1


def test_delete_all_leaves_what_nobody_has_judged(scene):
    scene.hold(number=2)
    _, delivery = scene.orphan(worker="web-3.1.cccc")
    found = scene.json("delete", "--all", "--yes")
    assert (found["done"], found["refused"]) == (2, 1)
    assert scene.payload(delivery)


@pytest.mark.parametrize("words", [("retry", "--all", "--yes"), ("delete", "--all", "--yes")])
def test_all_of_nothing_is_done_at_once(scene, words):
    result = scene.run(*words)
    assert result.exit_code == 0
    assert result.stdout == "Nothing waits.\n"


@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_a_verb_without_an_id_is_explained_by_example(scene, verb):
    result = scene.run(verb)
    assert result.exit_code == 2
    assert f"Example: assured-jobs {verb} " in result.stderr


def test_ids_and_all_together_are_refused(scene):
    [(message_id, _)] = scene.hold()
    assert scene.run("delete", message_id, "--all", "--yes").exit_code == 2
    assert scene.redis.zcard(scene.keys.held) == 1


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_delete_all_wants_yes_where_nobody_can_be_asked(scene, more):
    scene.hold()
    result = scene.run("delete", "--all", *more)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert scene.redis.zcard(scene.keys.held) == 1


@pytest.mark.parametrize(("answer", "code", "held"), [("n", 1, 1), ("y", 0, 0)])
def test_delete_all_asks_on_a_terminal(scene, answering, answer, code, held):
    scene.hold()
    done = answering(f"{answer}\n", "delete", "--all")
    assert done.returncode == code, done.stderr
    assert "Delete 1 job for good" in done.stdout
    assert scene.redis.zcard(scene.keys.held) == held
