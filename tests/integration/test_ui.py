"""The page at /ui in a real browser: what a person sees, by keyboard and mouse, against the real server."""

import json
import subprocess
import time
import urllib.parse

import pytest
from selenium import webdriver

from tests.support.browser import Browser
from tests.support.http_client import ask
from tests.support.parts import free_port
from tests.support.varve_server import BY_HAND, VarveServer

HOSTILE = "<img src=x onerror=\"document.title='hit'\">"
MANY = 5000
LOOKUP_MAX = 2000


@pytest.fixture(scope="module")
def chromium():
    with Browser() as running:
        yield running


@pytest.fixture
def page(chromium):
    """The browser, as new; at the end it must have had nothing to complain about."""
    chromium.reset()
    yield chromium
    complaints = chromium.complaints()
    chromium.driver.get("about:blank")
    assert complaints == []


@pytest.fixture(scope="module")
def metrics_server(module_path):
    """A server with an hour of five metrics."""
    with VarveServer(module_path / "data", BY_HAND) as running:
        fill(running)
        yield running


def ingest(server, *samples):
    ask(server, "POST", "/ingest/batch", {"samples": samples})


def sample(name, ts, value, **more):
    return {"name": name, "ts": ts, "value": value, **more}


def id_of(server, name):
    found = ask(server, "POST", "/metrics/lookup", {"name": name})["metrics"]
    assert len(found) == 1, found
    return found[0]["metric_id"]


def fill(server):
    now = int(time.time())
    web = {"host": "web-1"}
    for start in range(now - 3500, now + 1, 500):
        times = range(start, min(start + 500, now + 1))
        ingest(server, *[sample("cpu_percent", ts, 20 + ts % 60, tags=web) for ts in times])
        ingest(server, *[sample("net_bytes_sent", ts, ts * 2048.0, tags=web, type="counter") for ts in times])
        ingest(server, *[sample("mem_used_percent", ts, 61.5, tags={"host": "db-1"}) for ts in times])
        ingest(server, *[sample(HOSTILE, ts, 1 + ts % 3, tags={"<b>": "<script>"}) for ts in times])


def pressed(page):
    return page.js("return [...document.querySelectorAll('#ranges [aria-pressed=true]')].map((b) => b.textContent)")


def address(page):
    query = urllib.parse.urlsplit(page.driver.current_url).query
    return dict(urllib.parse.parse_qsl(query))


def test_an_empty_server_shows_a_command_that_works(server, page):
    page.open(server)
    page.wait_shown("empty")
    assert not page.shown("metrics") and not page.shown("banner")
    assert "--collect-host" in page.element("empty").text
    command = page.text("empty-command")
    assert f"http://127.0.0.1:{server.http_port}/ingest/gauge" in command
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["status"] == "ok"
    # Without a reload.
    page.wait(lambda: page.count() == 1, "the metric is listed")
    assert page.rows() == [("room_temperature", "room=kitchen")]
    page.wait_hidden("empty")
    page.wait_shown("welcome")
    page.press("ARROW_DOWN", "ENTER")
    page.wait(lambda: page.text("last") == "21.5", "the sample is shown")
    assert page.data()["points"] == "1"


def test_back_on_an_empty_server_shows_no_list(server, page):
    page.open(server)
    page.wait_shown("empty")
    # At once, not with the next answer.
    seen = page.js("dispatchEvent(new PopStateEvent('popstate'));"
                   "return ['empty', 'metrics', 'welcome'].map((id) => !document.getElementById(id).hidden)")
    assert seen == [True, False, False]


def test_back_to_no_metric_leaves_nothing_of_it(page, metrics_server):
    page.open(metrics_server)
    page.wait(lambda: page.count() >= 4, "the metrics are listed")
    title = page.driver.title
    page.press("/", "cpu", "ENTER")
    page.wait_drawn(points=100)
    assert page.driver.title == "cpu_percent – Varve" and marked(page) == 1
    page.driver.back()
    page.wait_shown("welcome")
    assert page.driver.title == title and marked(page) == 0 and not page.shown("shown")


def marked(page):
    """How many rows of the list are marked as drawn."""
    return page.js("return document.querySelectorAll('#list [role=option][aria-selected=true]').length")


def test_a_metric_is_found_and_picked_by_keyboard(page, metrics_server):
    page.open(metrics_server)
    page.wait(lambda: page.count() == 4, "the metrics are listed")
    assert page.shown("welcome") and page.text("note") == "4 metrics"
    page.press("/")
    assert page.focused() == "search"
    page.press("percent")
    page.wait(lambda: page.count() == 2, "two metrics match")
    assert [name for name, _ in page.rows()] == ["cpu_percent", "mem_used_percent"]
    page.press(" host=db")
    page.wait(lambda: page.rows() == [("mem_used_percent", "host=db-1")], "one metric matches")
    page.press("ESCAPE")
    page.wait(lambda: page.count() == 4, "the search is empty again")
    page.press("cpu", "ENTER")
    page.wait_drawn(points=100)
    assert page.text("name") == "cpu_percent" and page.text("tags") == "host=web-1"
    metric = id_of(metrics_server, "cpu_percent")
    assert address(page) == {"metric": str(metric), "range": "15m"}
    active = page.element("list").get_attribute("aria-activedescendant")
    assert page.element(active).get_attribute("aria-selected") == "true"
    assert page.focused() == "list", "1 to 5 are ranges from here"
    page.press("/", "ESCAPE")
    page.wait(lambda: page.count() == 4, "all are listed again")
    page.press("ESCAPE", "ARROW_DOWN", "ENTER")
    page.wait(lambda: page.text("name") == "mem_used_percent", "the next one is drawn")


def test_the_crosshair_goes_from_point_to_point(page, metrics_server):
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'mem_used_percent')}")
    page.wait_drawn()
    page.js("document.getElementById('chart').focus()")
    page.press("HOME")
    first = page.text("pointed")
    assert first.endswith("61.5%"), first
    page.press("ARROW_RIGHT")
    assert page.text("pointed") > first
    assert page.element("chart").get_attribute("aria-valuetext") == page.text("pointed")
    page.press("ARROW_LEFT")
    assert page.text("pointed") == first
    assert [page.text(name) for name in ("last", "min", "avg", "max")] == ["61.5%"] * 4


def test_samples_appear_without_a_reload(page, metrics_server):
    ingest(metrics_server, sample("live_bytes", int(time.time()), 1024))
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'live_bytes')}&range=5m")
    page.wait(lambda: page.text("last") == "1 KiB", "the first sample is shown")
    page.js("window.canvas = document.querySelector('#chart canvas')")
    for value, text in ((3 * 1024**2, "3 MiB"), (1536, "1.5 KiB")):
        ingest(metrics_server, sample("live_bytes", int(time.time()), value))
        page.wait(lambda: page.text("last") == text, f"{text} is shown")
    assert page.js("return window.canvas.isConnected"), "drawn anew: it flickers"
    assert page.text("state-text") == "Live"


def test_a_wrong_clock_of_the_browser_does_no_harm(page, metrics_server):
    ahead = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
        "source": "const now = Date.now; Date.now = () => now() + 7200 * 1000"})
    try:
        page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
        page.wait_drawn(points=100)
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", ahead)


def test_a_hidden_page_asks_for_nothing(page, metrics_server):
    first = page.driver.current_window_handle
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
    page.wait_drawn()
    page.driver.switch_to.new_window("window")
    try:
        second = page.driver.current_window_handle
        page.driver.switch_to.window(first)
        hide = """Object.defineProperty(document, 'hidden', {get: () => arguments[0], configurable: true});
                  document.dispatchEvent(new Event('visibilitychange'))"""
        page.js(f"const hide = (...arguments) => {{ {hide} }}; hide(true)")
        before = len(page.series_requests())
        # Another page is seen meanwhile, and goes on.
        page.driver.switch_to.window(second)
        page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
        page.wait(lambda: len(page.series_requests()) >= 4, "the other page goes on")
        page.driver.switch_to.window(first)
        assert len(page.series_requests()) == before
        page.js(f"const hide = (...arguments) => {{ {hide} }}; hide(false)")
        page.wait(lambda: len(page.series_requests()) > before, "it goes on when it is seen again")
    finally:
        page.driver.switch_to.window(second)
        page.driver.close()
        page.driver.switch_to.window(first)


def test_a_counter_is_drawn_as_its_rate(page, metrics_server):
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'net_bytes_sent')}&range=5m")
    page.wait_drawn()
    assert page.data()["bucket"] == "1"
    assert [page.text(name) for name in ("last", "min", "avg", "max")] == ["2 KiB/s"] * 4


def test_a_range_changes_what_is_asked_for(page, metrics_server):
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
    page.wait_drawn()
    assert pressed(page) == ["15 min"]

    def asked(seconds):
        return any(abs(end - start + 1 - seconds) <= 2 * bucket for start, end, bucket in page.series_requests())

    assert asked(900) and not asked(86400)
    page.press("5")
    page.wait(lambda: asked(86400), "a day is asked for")
    assert pressed(page) == ["24 h"] and address(page)["range"] == "24h"
    page.wait(lambda: int(page.data()["bucket"]) >= 60, "a day is drawn")
    page.press("1")
    page.wait(lambda: asked(300), "five minutes are asked for")
    page.wait(lambda: page.data()["bucket"] == "1", "five minutes are drawn")
    page.driver.back()
    page.wait(lambda: pressed(page) == ["24 h"], "the browser's back leads back")
    page.wait(lambda: int(page.data()["bucket"]) >= 60, "a day is drawn again")
    # Between whole requests only the end is asked for.
    page.wait(lambda: any(end - start < 86400 / 2 for start, end, bucket in page.series_requests() if bucket >= 60),
              "only the end is asked for")


def test_a_stretch_is_chosen_by_hand_or_mouse(page, metrics_server):
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}&range=1h")
    page.wait_drawn()
    page.click("custom-open")
    page.wait_shown("custom")
    start = int(time.time()) // 60 * 60 - 1800
    texts = [time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(ts)) for ts in (start, start + 600)]

    def give(first, second):
        page.js("document.getElementById('custom-start').value = arguments[0];"
                "document.getElementById('custom-end').value = arguments[1];", first, second)
        page.driver.find_element("css selector", "#custom button").click()

    give(texts[1], texts[0])
    assert page.text("custom-error") == "The range ends before it begins."
    give(*texts)
    assert address(page)["start"] == str(start) and address(page)["end"] == str(start + 600)
    page.wait(lambda: page.data()["bucket"] == "2" and page.text("state-text") == "Fixed range", "it is drawn")
    assert start + 598 <= int(page.data()["lastTime"]) <= start + 600
    plot = page.driver.find_element("css selector", "#chart .u-over")
    webdriver.ActionChains(page.driver).move_to_element(plot).click_and_hold().move_by_offset(
        100, 0).release().perform()
    page.wait(lambda: int(address(page)["start"]) > start, "the stretch is larger now")
    page.press("ESCAPE")
    page.wait(lambda: pressed(page) == ["1 h"] and "start" not in address(page), "Escape leads back")


def test_light_and_dark(page, metrics_server):
    page.prefer("dark")
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
    page.wait_drawn()

    def background():
        return page.js("return getComputedStyle(document.body).backgroundColor")

    dark = background()
    page.prefer("light")
    page.wait(lambda: background() != dark, "the page follows the system")
    light = background()
    page.wait_drawn()  # The line has the colour of the theme.
    page.press("t")
    page.wait(lambda: background() == dark, "t is for dark")
    assert page.text("theme") == "Light"
    page.driver.refresh()
    page.wait_drawn()
    assert background() == dark, "the choice is kept"
    page.click("theme")
    page.wait(lambda: background() == light, "the button goes back")


def test_help_has_the_keys(page, metrics_server):
    page.open(metrics_server)
    page.wait(lambda: page.count() >= 4, "the metrics are listed")
    page.press("?")
    page.wait_shown("help")
    assert "search" in page.element("help").text
    page.press("2", "ESCAPE")
    page.wait_hidden("help")
    assert pressed(page) == ["15 min"]


def test_it_recovers_when_the_server_comes_back(chromium, tmp_path):
    chromium.reset()
    page = chromium
    with VarveServer(tmp_path / "data", {**BY_HAND, "http-port": free_port()}) as server:
        ingest(server, sample("kept", int(time.time()), 7))
        page.open(server, f"?metric={id_of(server, 'kept')}&range=5m")
        page.wait(lambda: page.text("last") == "7", "the sample is shown")
        server.kill()
        page.wait_shown("banner")
        assert f"The server at 127.0.0.1:{server.http_port} does not answer" in page.text("banner-text")
        assert page.element("banner").get_attribute("role") == "alert"
        assert page.text("state-text") == "Interrupted"
        assert page.text("last") == "7" and page.shown("chart") and page.shown("list"), "the last data stay"
        server.start()
        page.wait_hidden("banner")
        ingest(server, sample("kept", int(time.time()) + 1, 8))
        page.wait(lambda: page.text("last") == "8", "new samples are shown")
        page.driver.get("about:blank")
        # Of calls without an answer, or before storage was open; of the page itself nothing.
        assert all("Failed to load resource" in text for text in page.complaints())


def test_names_and_tags_are_text(page, metrics_server):
    page.open(metrics_server)
    page.wait(lambda: page.count() >= 4, "the metrics are listed")
    page.press("/", "onerror", "ENTER")
    page.wait_drawn()
    assert page.rows()[0] == (HOSTILE, "<b>=<script>")
    assert page.text("name") == HOSTILE and page.text("tags") == "<b>=<script>"
    assert page.driver.title == f"{HOSTILE} – Varve"
    assert page.js("return document.querySelectorAll('main img, main b, main script').length") == 0


def test_inline_script_does_not_run(chromium, metrics_server):
    chromium.reset()
    chromium.open(metrics_server)
    chromium.js("const script = document.createElement('script'); script.textContent = 'window.ran = true';"
                "document.body.append(script)")
    assert chromium.js("return window.ran === undefined")
    assert any("Content Security Policy" in text for text in chromium.complaints())


def test_a_link_to_no_metric_says_so(chromium, metrics_server):
    chromium.reset()
    chromium.open(metrics_server, "?metric=4000000")
    chromium.wait_shown("banner")
    assert "404" in chromium.text("banner-text") and "4000000" in chromium.text("banner-text")
    chromium.press("/", "cpu", "ENTER")
    chromium.wait_drawn()
    chromium.wait_hidden("banner")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_independent_audit_finds_nothing(chromium, tmp_path, scheme):
    """axe looks for what keeps people out: contrast, names, roles, structure."""
    chromium.reset()
    page = chromium
    page.prefer(scheme)
    with VarveServer(tmp_path / "data", BY_HAND) as server:
        page.open(server)
        page.wait_shown("empty")
        assert page.audit() == []
        ingest(server, *[sample("audited", int(time.time()) - i, i, tags={"host": "a"}) for i in range(60)])
        page.open(server, f"?metric={id_of(server, 'audited')}")
        page.wait_drawn()
        page.click("custom-open")
        assert page.audit() == []
        page.press("ESCAPE")
        page.click("help-open")
        page.wait_shown("help")
        assert page.audit() == []
        page.press("ESCAPE")
        server.kill()
        page.wait_shown("banner")
        assert page.audit() == []
        page.driver.get("about:blank")
        page.complaints()  # Of the server that was killed.


def test_a_narrow_screen_needs_no_sideways_scrolling(page, metrics_server):
    page.resize(500, 900)
    page.open(metrics_server, f"?metric={id_of(metrics_server, 'cpu_percent')}")
    page.wait_drawn()
    width = page.js("return innerWidth")
    assert page.js("return document.documentElement.scrollWidth") <= width
    assert page.element("chart").size["width"] <= width
    assert page.element("list").size["height"] > 100


def test_thousands_of_metrics(server, page):
    now = int(time.time())
    for start in range(0, MANY, 1000):
        ingest(server, *[sample(f"many_{i:04}", now, i, tags={"shard": str(i % 7)}, slots=60)
                         for i in range(start, start + 1000)])
    page.open(server)
    page.wait(lambda: page.count() == LOOKUP_MAX, "the first ones are listed")
    assert page.text("note") == "The first 2,000; type to find others"

    def rows_max():
        return page.element("list").size["height"] // 40 + 12

    assert 0 < len(page.rows()) <= rows_max()
    page.js("const list = document.getElementById('list'); list.scrollTop = list.scrollHeight")
    page.wait(lambda: page.rows()[-1][0] == "many_1999", "the last one is in sight")
    assert len(page.rows()) <= rows_max()
    page.press("/", "many_4987", "ENTER")
    page.wait(lambda: page.rows() == [("many_4987", "shard=3")], "one that was not listed is found")
    page.wait(lambda: page.text("last") == "4.987k", "it is drawn")
    link = page.driver.current_url
    page.press("/", "shard=3")
    page.wait(lambda: page.count() == len(range(3, MANY, 7)), "those with the tag are found")
    page.press("ESCAPE", "many")
    page.wait(lambda: page.text("note").startswith("More than"), "there are more")
    page.driver.get("about:blank")
    page.driver.get(link)
    page.wait(lambda: page.text("name") == "many_4987" and page.text("last") == "4.987k", "the link leads to it")
