"""Many jobs at once: chosen by filters, shown before, decided once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from assured_jobs.entry import Policy
from assured_jobs.ledger import Ledger, Store
from assured_jobs.orphans import Orphans, Selection


@pytest.fixture
def desk(scene):
    made = Orphans(scene.ledger)
    yield made
    made.close()


@pytest.fixture
def kinds(scene) -> dict[str, str]:
    """One job of each kind: its delivery, by the filter that means it alone."""
    [(_, plain)] = scene.hold(worker="web-1.1.aaaa")
    [(_, poison)] = scene.hold(worker="web-2.2.bbbb", policy=Policy(max_crashes=1))
    scene.actor, scene.queue = "send", "mail"
    [(_, mail)] = scene.hold(worker="mail-1.3.cccc")
    scene.actor, scene.queue = "charge", "default"
    _, later = scene.defer(worker="web-4.4.dddd")
    return {
        "--instance web-1": plain,
        "--instance web-1.1.aaaa": plain,
        "--reason max_crashes": poison,
        "--queue mail": mail,
        "--actor send": mail,
        "--queue mail --actor send --state held --instance mail-1 --reason on_orphan": mail,
        "--state deferred": later,
    }


FILTERS = [
    "--instance web-1", "--instance web-1.1.aaaa", "--reason max_crashes", "--queue mail", "--actor send",
    "--queue mail --actor send --state held --instance mail-1 --reason on_orphan", "--state deferred",
]  # fmt: skip


@pytest.mark.parametrize("words", FILTERS)
def test_orphans_lists_what_is_meant_and_nothing_else(scene, kinds, words):
    assert [one["delivery"] for one in scene.json("orphans", *words.split())] == [kinds[words]]


@pytest.mark.parametrize("words", FILTERS)
@pytest.mark.parametrize(("verb", "state"), [("retry", "released"), ("delete", "discarded")])
def test_what_is_meant_is_decided_and_nothing_else(scene, kinds, verb, state, words):
    assert scene.json(verb, *words.split(), "--yes") == {"done": 1, "gone": 0, "refused": 0, "notes": []}
    assert scene.redis.zrange(getattr(scene.keys, state), 0, -1) == [kinds[words].encode()]
    assert scene.redis.zcard(scene.keys.held) + scene.redis.zcard(scene.keys.deferred) == 3


@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_filters_that_mean_nothing_say_so_and_touch_nothing(scene, kinds, verb):
    before = scene.everything()
    result = scene.run(verb, "--queue", "mail", "--actor", "charge", "--yes")
    assert (result.exit_code, result.stdout) == (0, "No such job waits (queue=mail actor=charge).\n")
    assert scene.run("orphans", "--queue", "mail", "--actor", "charge").stdout == "No such job of a dead worker.\n"
    assert scene.everything() == before


@pytest.mark.parametrize("words", [("--state", "lost"), ("--reason", "bad luck"), ("--limit", "-1"), ("--limit", "x")])
@pytest.mark.parametrize("verb", ["orphans", "retry", "delete"])
def test_a_value_that_no_filter_knows_exits_with_2(scene, verb, words):
    assert scene.run(verb, *words).exit_code == 2


@pytest.mark.parametrize("words", ["--queue mail --all", "an-id --queue mail", "an-id --limit 1"])
@pytest.mark.parametrize("verb", ["retry", "delete"])
def test_two_ways_to_choose_at_once_are_refused(scene, verb, words):
    result = scene.run(verb, *words.split(), "--yes")
    assert result.exit_code == 2
    assert "Expected" in result.stderr


@pytest.mark.parametrize(("answer", "code", "held"), [("n", 1, 7), ("y", 0, 0)])
def test_the_preview_says_how_many_of_which_kind_and_some_by_name(scene, answering, answer, code, held):
    by_delivery = {delivery: message_id for message_id, delivery in scene.hold(number=7)}
    names = [by_delivery[raw.decode()] for raw in scene.redis.zrange(scene.keys.held, 0, -1)]
    done = answering(f"{answer}\n", "retry", "--queue", "default")
    assert done.returncode == code, done.stderr
    assert "7 jobs (queue=default):" in done.stdout
    assert "   7  charge  default  on_orphan" in done.stdout
    assert f"for example {', '.join(names[:5])} ...\n" in done.stdout
    assert "Give 7 jobs one more life?" in done.stdout
    assert ("retried 7\n" in done.stdout) is (answer == "y")
    assert scene.redis.zcard(scene.keys.held) == held


@pytest.mark.parametrize("verb", ["retry", "delete"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_without_a_terminal_it_wants_yes_and_changes_nothing(scene, verb, more):
    scene.hold()
    before = scene.everything()
    result = scene.run(verb, "--queue", "default", *more)
    assert result.exit_code == 2
    assert f"{verb} would be about 1 job (queue=default): expected --yes" in result.stderr
    assert scene.everything() == before


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.actor = name
    scene.hold()
    for words in (("--actor", name), ("--actor", "no" + name), ("--all",)):
        result = scene.run("retry", *words, "--yes", color=True, env={"FORCE_COLOR": "1"})
        assert result.exit_code == 0
        assert is_plain(result.output)
        assert len(result.output) < 3000


def test_limit_takes_the_oldest(scene):
    made = scene.hold(number=6)
    oldest_first = [raw.decode() for raw in scene.redis.zrange(scene.keys.held, 0, -1)]
    assert [one["delivery"] for one in scene.json("orphans", "--limit", "2")] == oldest_first[:2]
    shown = scene.run("retry", "--all", "--limit", "2", "--yes").stdout
    assert "2 jobs (the oldest of: everything):" in shown
    assert "retried 2\n" in shown
    assert {raw.decode() for raw in scene.redis.zrange(scene.keys.released, 0, -1)} == set(oldest_first[:2])
    assert scene.json("delete", "--state", "held", "--limit", "3", "--yes")["done"] == 3
    assert scene.redis.zcard(scene.keys.held) == len(made) - 5


def test_a_limited_plan_keeps_to_what_it_has_shown(scene, desk):
    scene.hold(number=6)
    plan = desk.plan("retry", Selection(), 2)
    desk.retry([orphan.delivery for orphan in plan.samples[:1]], "bob")
    tally = desk.carry_out(plan, "ann")
    assert (plan.total, tally.done, tally.gone) == (2, 1, 1)
    assert scene.redis.zcard(scene.keys.held) == 4


def test_what_is_held_after_the_preview_is_not_touched(scene, desk):
    scene.hold(number=2)
    plan = desk.plan("delete", Selection())
    tick(scene, plan.as_of)
    [(_, late)] = scene.hold(worker="late.1.bbbb")
    tally = desk.carry_out(plan, "ann")
    assert (plan.total, tally.done, tally.gone) == (2, 2, 0)
    assert scene.redis.zrange(scene.keys.held, 0, -1) == [late.encode()]
    assert scene.payload(late)


def test_what_was_deferred_and_is_held_by_now_is_another_matter(scene, desk):
    _, delivery = scene.defer()
    plan = desk.plan("retry", Selection())
    tick(scene, plan.as_of)
    [orphan] = scene.ledger.custody.page("deferred", 1)[0]
    scene.redis.zrem(scene.keys.deferred, delivery)
    now = scene.ledger.custody.now()
    scene.redis.hset(scene.keys.orphans, delivery, f"{now} {orphan.becomes(state='held').dumps()}")
    scene.redis.zadd(scene.keys.held, {delivery: now})
    tally = desk.carry_out(plan, "ann")
    assert (tally.done, tally.gone) == (0, 1)
    assert scene.redis.zcard(scene.keys.held) == 1


def tick(scene, moment: int) -> None:
    """Until the store's clock has left that millisecond."""
    while scene.ledger.custody.now() <= moment:
        time.sleep(0)


def test_what_was_decided_after_the_preview_is_counted_as_gone(scene, desk):
    made = scene.hold(number=40)
    plan = desk.plan("retry", Selection())
    desk.retry([message_id for message_id, _ in made[:2]], "bob")
    desk.delete([made[2][0]], "bob")
    tally = desk.carry_out(plan, "ann")
    assert (tally.done, tally.gone, tally.refused) == (37, 3, 0)


def test_a_person_is_told_in_these_words(scene, monkeypatch):
    made = scene.hold(number=40)
    planned = Orphans.plan

    def plan_and_be_overtaken(desk, *args):
        plan = planned(desk, *args)
        desk.delete([message_id for message_id, _ in made[:3]], "bob")
        return plan

    monkeypatch.setattr(Orphans, "plan", plan_and_be_overtaken)
    result = scene.run("retry", "--all", "--yes")
    assert result.exit_code == 0
    assert "retried 37, already gone 3\n" in result.stdout


def test_two_persons_on_the_same_jobs_share_them_exactly(scene):
    scene.hold(number=600)
    desks = [Orphans(Ledger(Store(scene.redis, "night", 5))) for _ in range(2)]
    plans = [desk.plan("retry", Selection()) for desk in desks]
    with ThreadPoolExecutor() as both:
        tallies = list(both.map(lambda desk, plan: desk.carry_out(plan, "ann"), desks, plans))
    for desk in desks:
        desk.close()
    assert sum(tally.done for tally in tallies) == 600
    assert [tally.done + tally.gone for tally in tallies] == [600, 600]
    assert scene.redis.zcard(scene.keys.released) == 600


def test_unjudged_jobs_are_refused_where_they_are_meant(scene, kinds):
    scene.orphan(worker="web-9.9.eeee")
    refused: Callable[..., int] = lambda *words: scene.json("retry", *words, "--yes")["refused"]  # noqa: E731
    assert refused("--queue", "mail") == 0
    assert refused("--state", "held") == 0
    assert refused("--instance", "web-9") == 1
    result = scene.run("retry", "--all", "--yes")
    assert "retried 1, refused 1\n" in result.stdout
    assert "1 job of a dead worker is not judged yet: `assured-jobs recover` does that." in result.stderr


def test_thousands_are_decided_in_bounded_pages_and_the_caller_sees_it_move(scene, desk, monkeypatch):
    scene.hold(number=2000)
    scene.actor, scene.queue = "send", "mail"
    scene.hold(number=3, worker="mail-1.3.cccc")
    sizes = []
    page = scene.ledger.custody.page

    def measured(state, size, after=None):
        sizes.append(size)
        return page(state, size, after)

    monkeypatch.setattr(scene.ledger.custody, "page", measured)
    plan = desk.plan("retry", Selection(actor="charge"))
    assert (plan.total, plan.kinds) == (2000, (("charge", "default", "on_orphan", 2000),))
    assert len(plan.samples) == 5
    moves = []
    tally = desk.carry_out(plan, "ann", moves.append)
    assert (tally.done, tally.gone) == (2000, 0)
    assert moves == sorted(set(moves))
    assert moves[-1] == 2000
    assert len(moves) >= 8
    assert max(sizes) <= 250
    assert scene.redis.zcard(scene.keys.held) == 3


def test_one_event_tells_of_many(scene):
    scene.hold(number=3)
    scene.run("delete", "--queue", "default", "--yes")
    said = [json.loads(line) for line in scene.run("events", "--action", "OperatorSaid", "--json").stdout.splitlines()]
    [fact] = [one["fact"] for one in said]
    assert (fact["verb"], fact["what"], fact["done"], fact["gone"]) == ("delete", "queue=default", 3, 0)
