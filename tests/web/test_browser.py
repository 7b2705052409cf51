"""What only a browser can prove: mouse, keyboard, refreshing, policies, other sites, and no JavaScript at all."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from assured_jobs.entry import Policy
from assured_jobs.settings import AssuredJobsSettings
from assured_jobs_web import WebSettings, create_app
from browser import CHROMIUM, NAMES, evil_site, needed, served
from people import SECRETS

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=20_000)

AXE = files("axe_playwright_python") / "axe.min.js"

pytestmark = [pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def chromium():
    needed(Path(CHROMIUM).exists(), "chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={NAMES}"]
        )
        yield browser
        browser.close()


@pytest.fixture
def port(make_app):
    with served(make_app(refresh=2.0)) as found:
        yield found


@pytest.fixture
def opened(chromium, port):
    """Pages of people, each with a browser of their own. Errors on a console fail a test, unless expected."""
    contexts, errors, expected = [], [], ["401"]  # that is how a browser is asked for a password

    def make(name="ann", base=None, **options):
        word = SECRETS["password"] if name == "ann" else SECRETS["readonly_password"]
        context = chromium.new_context(
            base_url=base or f"http://127.0.0.1:{port}",
            http_credentials={"username": name, "password": word},
            **options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.expected = expected
        return page

    yield make
    for context in contexts:
        context.close()
    assert [error for error in errors if not any(word in error for word in expected)] == []


def counts(scene) -> tuple[int, int, int]:
    return tuple(scene.ledger.custody.count(state) for state in ("held", "released", "discarded"))


def said(page, words: str) -> None:
    expect(page.locator("#said")).to_contain_text(words)


def ready(page) -> None:
    """Our script has run: what is typed now is heard."""
    expect(page.locator(".keys-hint")).to_be_visible()


def tick(page, number: int) -> None:
    page.locator(".jobs input[name=id]").nth(number).check()


def test_every_action_by_mouse(opened, scene):
    scene.hold("x", number=6)
    info = scene.register("host-1.7.aaaa", present=True)
    page = opened()
    page.goto("/")
    page.get_by_role("link", name="Held for a person").click()
    page.locator(".jobs button.small").first.click()
    said(page, "Retried 1 job.")
    assert counts(scene) == (5, 1, 0)
    tick(page, 0)
    tick(page, 1)
    expect(page.locator("#ticked")).to_have_text("2 ticked")
    page.get_by_role("button", name="Retry ticked").click()
    said(page, "Retried 2 jobs.")
    assert "state=held" in page.url, "the filter stays"
    tick(page, 0)
    page.get_by_role("button", name="Delete ticked").click()
    page.get_by_role("link", name="Keep them").click()
    assert counts(scene) == (3, 3, 0)
    page.goto("/orphans?state=held")
    tick(page, 0)
    page.get_by_role("button", name="Delete ticked").click()
    page.get_by_role("button", name="Delete 1 job").click()
    said(page, "Deleted 1 job.")
    page.get_by_role("link", name="Retry all that match").click()
    expect(page.locator("h1")).to_have_text("Retry 2 jobs?")
    page.get_by_role("button", name="Retry 2 jobs").click()
    said(page, "Retried 2 jobs.")
    page.goto("/plan/delete?state=released")
    page.get_by_label("Type 5 to delete them").fill("5")
    page.get_by_role("button", name="Delete 5 jobs").click()
    said(page, "Deleted 5 jobs.")
    assert counts(scene) == (0, 0, 6)
    page.goto("/instances")
    page.get_by_role("button", name="Declare host-1.7.aaaa dead").click()
    page.get_by_role("button", name="Declare it dead").click()
    said(page, "host-1.7.aaaa is dead.")
    assert scene.redis.zscore(scene.keys.dead, info.id)
    page.goto("/orphans?state=discarded")
    page.locator("a.id").first.click()
    expect(page.locator("#timeline")).to_contain_text("said")


def test_every_action_by_keyboard(opened, scene):
    made = scene.hold("x", number=4)
    page = opened()
    page.goto("/orphans?state=held")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.locator("#ticked")).to_have_text("2 ticked")
    page.keyboard.press("r")
    said(page, "Retried 2 jobs.")
    assert counts(scene) == (2, 2, 0)
    ready(page)
    page.keyboard.press("a")
    expect(page.locator("#ticked")).to_have_text("2 ticked")
    page.keyboard.press("Escape")
    expect(page.locator("#ticked")).to_have_text("Tick jobs, or take all that match.")
    page.keyboard.press("a")
    page.keyboard.press("d")
    page.get_by_label("Type 2 to delete them").press_sequentially("2")
    page.keyboard.press("Enter")
    said(page, "Deleted 2 jobs.")
    assert counts(scene) == (0, 2, 2)
    ready(page)
    page.keyboard.press("/")
    page.keyboard.type("xrjd/")
    assert page.locator("input[type=search]").input_value() == "xrjd/", "letters are letters while somebody types"
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    page.wait_for_url("**/history")
    ready(page)
    page.keyboard.press("2")
    page.wait_for_url("**/orphans")
    ready(page)
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/orphans/*")
    ready(page)
    page.keyboard.press("d")
    page.locator("button.grave").press("Enter")
    said(page, "Deleted 1 job.")
    assert len(made) == 4


def test_without_the_mouse_the_tab_key_reaches_what_can_be_done(opened, scene):
    scene.hold("x")
    page = opened()
    page.goto("/orphans")
    reached = set()
    for _ in range(45):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name || ''"))
    assert {
        "Skip to content",
        "q",
        "Filter",
        "Retry ticked",
        "Delete ticked …",
        "Retry all that match …",
        "id",
    } <= reached


def test_two_operators_on_one_row(opened, scene):
    scene.hold("x")
    first, second = opened(), opened()
    for page in (first, second):
        page.goto("/orphans?state=held")
        tick(page, 0)
    first.get_by_role("button", name="Delete ticked").click()
    first.get_by_role("button", name="Delete 1 job").click()
    said(first, "Deleted 1 job.")
    second.get_by_role("button", name="Retry ticked").click()
    said(second, "already gone 1")
    assert counts(scene) == (0, 0, 1)


def test_a_double_click_is_done_once(opened, scene):
    scene.hold("x")
    page = opened()
    page.goto("/orphans?state=held")
    tick(page, 0)
    page.locator("#retry").dblclick()
    said(page, "Retried 1 job.")
    told = [one for one in scene.ledger.chronicle.last(50) if one.action == "OperatorSaid"]
    assert len(told) == 1


def test_refreshing_brings_what_is_new_and_never_eats_a_selection(opened, scene):
    scene.hold("x", worker="web-1.1.aaaa")
    page = opened()
    page.goto("/orphans?state=held")
    scene.hold("y", worker="web-2.1.bbbb")
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    tick(page, 0)
    refreshed = page.evaluate("document.body.dataset.refreshed")
    scene.hold("z", worker="web-3.1.cccc")
    expect(page.locator("#updated")).to_contain_text("Not refreshed while jobs are ticked")
    expect(page.locator("#updated")).to_have_text(re.compile(r"Updated ([5-9]|1\d) s ago"), timeout=15_000)
    assert page.locator(".jobs input[name=id]:checked").count() == 1
    assert page.locator(".jobs tbody tr").count() == 2
    assert page.evaluate("document.body.dataset.refreshed") == refreshed
    page.keyboard.press("Escape")
    page.locator("h1").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(3)


def test_a_hidden_page_asks_for_nothing(opened, scene):
    page = opened()
    page.goto("/")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator("body")).to_have_attribute("data-refreshed", re.compile(r"\d"), timeout=15_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    expect(page.locator("#updated")).to_contain_text("while nobody looks", timeout=15_000)
    before = len(asked)
    expect(page.locator("#updated")).to_have_text(re.compile(r"Updated ([6-9]|1\d) s ago"), timeout=15_000)
    assert len(asked) == before


def test_a_dashboard_that_does_not_answer_says_so(opened, scene, make_app):
    with served(make_app(refresh=2.0)) as port:
        page = opened(base=f"http://127.0.0.1:{port}")
        page.expected += ["ERR_CONNECTION", "ERR_SOCKET_NOT_CONNECTED"]  # which of them, its last connection decides
        page.goto("/")
    expect(page.locator("#updated")).to_contain_text("The dashboard does not answer.")
    expect(page.locator("#alarm")).to_contain_text("NOT KNOWN: The dashboard does not answer.")


def test_where_redis_is_gone_an_open_page_does_not_go_on_saying_that_all_is_well(opened, own_server):
    server = own_server()
    jobs = AssuredJobsSettings(redis_url=server.url)
    with served(create_app(WebSettings(**SECRETS, refresh=2.0), jobs=jobs)) as port:
        page = opened(base=f"http://127.0.0.1:{port}")
        page.expected.append("503")
        page.goto("/")
        line = page.locator("#alarm")
        expect(line).to_contain_text("NOT BLEEDING")
        server.stop()
        expect(line).to_contain_text("NOT KNOWN: Redis does not answer.")
        server.start()
        expect(line).to_contain_text("NOT BLEEDING")


def test_a_long_run_is_taken_step_by_step_and_stopped(opened, scene, monkeypatch):
    monkeypatch.setattr("assured_jobs_web.pages.runs.STEP", 0.0)
    scene.hold("x", number=1500)
    page = opened()
    page.goto("/plan/retry?state=held")
    page.get_by_role("button", name="Retry 1,500 jobs").click()
    page.wait_for_url("**/runs/*")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#run-words")).to_contain_text("then stopped")
    assert scene.ledger.custody.count("held") > 0
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#run-words")).to_have_text("Retried 1,500 jobs.")
    assert counts(scene) == (0, 1500, 0)


def test_everything_works_without_javascript(opened, scene, monkeypatch):
    scene.hold("x", number=3)
    scene.actor = "send"
    scene.hold("y", worker="web-2.1.bbbb", number=300)
    page = opened(java_script_enabled=False)
    page.goto("/orphans")
    page.locator("input[name=actor]").fill("charge")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(3)
    tick(page, 0)
    page.get_by_role("button", name="Retry ticked").click()
    said(page, "Retried 1 job.")
    tick(page, 0)
    tick(page, 1)
    page.get_by_role("button", name="Delete ticked").click()
    page.get_by_label("Type 2 to delete them").fill("2")
    page.get_by_role("button", name="Delete 2 jobs").click()
    said(page, "Deleted 2 jobs.")
    monkeypatch.setattr("assured_jobs_web.pages.runs.STEP", 0.0)
    page.goto("/plan/retry?actor=send")
    page.get_by_role("button", name="Retry 300 jobs").click()
    expect(page.locator("#run-words")).to_have_text("Retried 250 jobs so far.")
    for _ in range(2):
        page.get_by_role("button", name="Go on").click()
    while page.get_by_role("button", name="Go on").count():
        page.get_by_role("button", name="Go on").click()
    expect(page.locator("#run-words")).to_have_text("Retried 300 jobs.")


def test_read_only_people_see_no_button_and_no_box(opened, scene):
    scene.hold("x")
    page = opened("bob")
    page.goto("/orphans")
    expect(page.locator(".jobs tbody tr")).to_have_count(1)
    assert page.get_by_role("button", name="Retry").count() == 0
    assert page.get_by_role("checkbox").count() == 0
    expect(page.locator(".me")).to_contain_text("read-only")


EVIL = [
    "<script>window.PWNED=1</script>",
    '"><img src=x onerror="window.PWNED=1">',
    "javascript:PWNED=1",
    "\u202egnp.exe\x07\x1b[2J",
]


def test_hostile_data_stays_text(opened, scene):
    for number, evil in enumerate(EVIL):
        scene.actor, scene.queue = evil, f"q{evil}"
        scene.hold(evil, worker=f"{evil}.1.{number}", **{evil: evil})
    scene.register(f"{EVIL[1]}.9.live", present=True)
    page = opened()
    paths = ["/", "/orphans", "/instances", "/history", "/plan/retry?state=held", "/plan/delete?state=held"]
    page.goto("/orphans")
    paths += [link.get_attribute("href") for link in page.locator("a.id").all()]
    for path in paths:
        page.goto(path)
        assert page.evaluate("window.PWNED") is None
        assert page.locator("main img, main script").count() == 0
        assert page.locator("a[href^='javascript:']").count() == 0
        assert "\u202e" not in page.content()
    page.goto("/orphans")
    page.locator("#tick-all").check()
    page.get_by_role("button", name="Retry ticked").click()
    said(page, "Retried 4 jobs.")


def test_the_policy_is_alive(opened):
    page = opened()
    page.expected += ["Content Security Policy", "violates"]
    page.goto("/")
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.PWNED = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", '<p style="color: red" id="styled">x</p>');
      document.body.insertAdjacentHTML("beforeend", '<img src="https://evil.test/x.png">');
    }""")
    assert page.evaluate("window.PWNED") is None
    assert page.evaluate("getComputedStyle(document.querySelector('#styled')).color") != "rgb(255, 0, 0)"


@pytest.mark.parametrize("name", ["127.0.0.1", "dash.test"])
def test_another_site_can_neither_post_nor_frame(opened, scene, port, name):
    """127.0.0.1 gets Sec-Fetch-Site from the browser, dash.test does not: Origin tells there."""
    [(_, delivery)] = scene.hold("x")
    dash = f"http://{name}:{port}"
    with served(evil_site()) as evil:
        page = opened(base=dash)
        page.expected += ["403", "404", "Refused to", "frame-ancestors", "ERR_BLOCKED", "X-Frame-Options"]
        page.goto("/orphans")
        with page.expect_navigation(url=f"{dash}/act/retry"):
            page.goto(f"http://evil.test:{evil}/post?to={dash}/act/retry", wait_until="commit")
        expect(page.locator("main")).to_contain_text("sent by another site")
        page.goto(f"http://evil.test:{evil}/frame?to={dash}/orphans")
        page.wait_for_load_state("networkidle")
        assert not any("Orphaned jobs" in frame.content() for frame in page.frames[1:])
        page.goto("/orphans")
        tick(page, 0)
        page.get_by_role("button", name="Retry ticked").click()
        said(page, "Retried 1 job.")
    assert scene.redis.zscore(scene.keys.released, delivery)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_either_scheme(opened, scene, scheme):
    [(message_id, _), *_] = scene.hold("x", 1, worker="web-1.1.aaaa", number=3, token="x", policy=Policy(max_crashes=1))
    scene.hold("y", worker="web-2.1.bbbb")
    scene.defer("z")
    scene.orphan("o", worker="web-9.1.ffff")
    scene.actor = scene.queue = "a_long_name_" * 8
    scene.hold("l", worker=f"{'deployment-' * 6}.1.9999")
    scene.start(scene.register("web-5.1.eeee", present=True), "runs")
    stalled = scene.register("pod-9.7.ssss", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.age_heartbeat(stalled, 5)
    page = opened(color_scheme=scheme, bypass_csp=True)
    page.expected.append("404")
    job = f"/orphans/{message_id}"
    paths = ["/", "/orphans", "/orphans?sort=crashes", job, "/instances", "/in-flight", "/history", "/nope"]
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for path in [*paths, "/plan/retry?state=held", "/plan/delete"]:
            page.goto(path)
            page.evaluate(AXE.read_text())
            found = page.evaluate("async () => (await axe.run()).violations")
            told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
            assert told == [], f"{path} at {width}: {json.dumps(told, indent=1)}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"


def test_ranges_are_ticked_with_shift(opened, scene):
    scene.hold("x", number=6)
    page = opened()
    page.goto("/orphans")
    boxes = page.locator(".jobs input[name=id]")
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("#ticked")).to_have_text("4 ticked")
