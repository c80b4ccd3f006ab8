"""The page in a headless Chromium: numbers, times, bad values, two sessions, maps, files, screens.

Run by ``make test-browser``. What is measured is printed; screenshots are in results/explore.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

import sdpbound as sb
from sdpbound.explore.point import read
from sdpbound.explore.state import State

pytest.importorskip("nicegui")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
SCREENS = Path(__file__).parents[2] / "results" / "explore"
MOVES = int(os.environ.get("EXPLORE_MOVES", "1000"))

#: Waits for the table of a later state, and says how long it took since the key was pressed.
WATCH = """(name) => {
  window.times = []; window.pressed = 0;
  const table = () => document.querySelector('table[data-serial]');
  document.addEventListener('keydown', () => {
    window.clean = !window.pressed;  // else an answer may be that to the move before
    window.pressed = performance.now(); window.before = table().dataset.serial;
  }, true);
  new MutationObserver(() => {
    if (window.pressed && table() && table().dataset.serial !== window.before) {
      if (window.clean) window.times.push(performance.now() - window.pressed);
      window.pressed = 0;
    }
  }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def server(browser):
    """The command, its address, and when it was given; the browser runs already, as a person's does."""
    command = [sys.executable, "-m", "sdpbound", "explore"]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        yield process, address, started
        process.terminate()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(server, browser):
    """A page whose first state is proven; it fails where the browser has an error, or asks another host."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    found, errors, hosts = context.new_page(), [], set()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    found.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    found.goto(server[1])
    done(found)
    yield found
    context.close()
    assert not errors and hosts == {server[1].split("/")[2]}


def done(page, seconds=60):
    page.wait_for_selector("table[data-stage=done]", timeout=1000 * seconds)


def number(page, name):
    return float(re.sub(r"[^-0-9.].*?", "", page.locator(f"td[data-name={name}]").inner_text()))


def bar(page, name):
    return page.locator(f".q-slider[data-name={name}] [tabindex]")


def test_first_page_comes_soon(server, browser):
    """The first page of the command, before any other test has asked for one."""
    page = browser.new_page()
    page.goto(server[1])
    page.wait_for_selector("main.explorer")
    print(f"\nfirst page {time.monotonic() - server[2]:.2f} s after the command")
    page.close()


def test_numbers_are_those_of_the_library(page):
    member = sb.SingletSelfTest(1.0, sb.Angle.of("pi/2 - 0.1"), sb.Angle.of("1.0 + pi/2"))
    behaviour = member.behaviour(0.99)
    assert number(page, "chsh") == pytest.approx(behaviour.chsh, abs=1e-5)
    assert number(page, "key_low") <= sb.key_rate(behaviour, x=0, y=0).value + 1e-3
    assert number(page, "key_low") == pytest.approx(sb.key_rate(behaviour, x=0, y=0).value, abs=2e-3)
    above = sb.key_rate_upper_bound(behaviour, x=0, y=0).value
    assert number(page, "key_low") <= above <= number(page, "key_high") + 1e-3
    bar(page, "visibility").press("ArrowLeft")
    page.wait_for_selector("table[data-serial='1'][data-stage=done]", timeout=60_000)
    moved = member.behaviour(0.989)
    assert number(page, "chsh") == pytest.approx(moved.chsh, abs=1e-5)
    guess = sb.guessing_probability(sb.Observations.correlators(moved), sb.Quantum("2"), x=0).value
    assert number(page, "guess_quantum") == pytest.approx(guess, abs=2e-5)


def test_many_moves(server, page):
    """Random moves without an error, within time, and with the memory that the first ones take."""
    names = ["theta", "phi", "omega", "visibility", "efficiency", "flips"]
    rng, keys = random.Random(7), ("ArrowLeft", "ArrowRight")
    page.evaluate(WATCH, "chsh")
    memory = []
    for k in range(MOVES):
        bar(page, rng.choice(names)).press(rng.choice(keys))
        if rng.random() < 0.9:
            page.wait_for_timeout(rng.choice((10, 60, 150)))
        else:
            page.wait_for_timeout(400)  # proofs begin, and the next move ends them
        if k in (MOVES // 4, MOVES - 1):
            memory.append(used(server[0].pid))
    done(page)
    times = sorted(page.evaluate("window.times"))
    p95 = times[int(0.95 * len(times))]
    print(f"\n{MOVES} moves: {len(times)} timed, median {statistics.median(times):.0f} ms, 95% {p95:.0f} ms")
    print(f"memory in MB after a quarter of the moves and all: {[round(m) for m in memory]}")
    assert statistics.median(times) < 150 and p95 < 400
    assert memory[1] < 1.1 * memory[0]
    assert page.locator(".said.wrong").count() == 0
    final = read(State.from_query(page.evaluate("location.search")))
    assert number(page, "chsh") == pytest.approx(final.behaviour.chsh, abs=1e-5)


def used(pid):
    """Resident memory of a process and of those that it started, in MB."""
    psutil = pytest.importorskip("psutil")
    own = psutil.Process(pid)
    return sum(p.memory_info().rss for p in (own, *own.children(recursive=True))) / 1e6


def test_a_bad_value_is_a_sentence(page):
    field = page.get_by_label("theta as a number or text")
    for text in ("nonsense", "1/0", "90", "9" * 300, "<img src=x onerror=alert(1)>", ""):
        field.fill(text)
        page.wait_for_selector(".said.wrong", timeout=10_000)
        assert page.locator(".said").inner_text().strip()
    field.fill("pi/3")
    page.wait_for_selector(".said:not(.wrong)", timeout=10_000)
    done(page)
    assert number(page, "chsh") > 2.5


def test_two_people_do_not_disturb_each_other(server, browser, page):
    context = browser.new_context()
    other = context.new_page()
    other.goto(f"{server[1]}&family=chsh&visibility=0.9")
    done(other)
    bar(page, "visibility").press("ArrowLeft")
    page.wait_for_timeout(300)
    done(page)
    assert number(other, "chsh") == pytest.approx(0.9 * 8**0.5, abs=1e-5)
    assert number(page, "chsh") < 2.6
    context.close()


def test_closing_the_page_ends_its_processes(server, browser):
    psutil = pytest.importorskip("psutil")
    own = psutil.Process(server[0].pid)
    context = browser.new_context()
    mine = context.new_page()
    mine.goto(server[1])
    done(mine)
    mine.get_by_role("button", name="Compute map").click()
    mine.wait_for_timeout(2000)
    during = {p.pid for p in own.children()}
    assert len(during) >= 2  # one for moves, one for the map
    context.close()
    end = time.monotonic() + 15
    while time.monotonic() < end and len(during & {p.pid for p in own.children()}) > 1:
        time.sleep(0.3)
    assert len(during & {p.pid for p in own.children()}) <= 1  # the one that waits for the next page


def test_a_map_comes_row_by_row_and_can_be_stopped(page):
    for label, value in (("from", "0.8"), ("to", "1.3"), ("cells", "9")):
        page.get_by_label(label, exact=True).first.fill(value)
    page.get_by_label("cells", exact=True).last.fill("9")
    page.get_by_role("button", name="Compute map").click()
    page.wait_for_selector(".maps svg")
    page.wait_for_function("document.querySelectorAll('.maps svg rect').length > 81 + 40", timeout=90_000)
    page.screenshot(path=screen("map"), full_page=True)
    page.get_by_label("cells", exact=True).first.fill("60")
    page.get_by_role("button", name="Compute map").click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("the map was stopped").wait_for(timeout=20_000)


def test_code_study_figure_and_link(page, tmp_path):
    page.get_by_role("button", name="Python code").click()
    code = page.locator("pre.code").inner_text()
    page.get_by_role("button", name="Close").click()
    names = {}
    exec(compile(code, "explored.py", "exec"), names)
    assert names["key"].value == pytest.approx(number(page, "key_low"), abs=1e-4)
    page.get_by_role("button", name="Study file").click()
    page.get_by_text('kind = "singlet"').wait_for()
    page.screenshot(path=screen("study"))
    page.get_by_role("button", name="Close").click()
    with page.expect_download() as given:
        page.get_by_role("button", name="Figure PDF").click()
    given.value.save_as(tmp_path / "f.pdf")
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")
    page.get_by_role("button", name="Permalink").click()
    link = page.locator("pre.code").last.inner_text()
    assert State.from_query(link) == State()


def test_the_gate(server, browser):
    base = server[1].partition("?")[0]
    context = browser.new_context()
    page = context.new_page()
    assert page.goto(base).status == 403
    assert page.goto(f"{base}?token=wrong").status == 403
    context.close()
    host = base.split("/")[2]
    with closing(HTTPConnection(host, timeout=10)) as connection:
        connection.request("GET", server[1].removeprefix(f"http://{host}"), headers={"Host": "elsewhere.example"})
        assert connection.getresponse().status == 403


def test_own_data(server, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto(f"{server[1]}&family=own+data")
    done(page)
    page.get_by_label("table of own data").fill("0.1 0 0 0.1\n0.68 0.68\n0.68 -0.68")
    page.wait_for_selector("table[data-serial='1'][data-stage=done]", timeout=60_000)
    assert number(page, "chsh") == pytest.approx(2.72, abs=1e-5) and 0.2 < number(page, "key_low") < 0.21
    lost = page.locator("td[data-end=key_lost]").inner_text()
    assert re.fullmatch(r"lives at 0\.9\d+ and is dead at 0\.9\d+", lost)
    page.get_by_label("table of own data").fill("0.7 0.7 0.7")
    page.get_by_text("has 3 numbers").wait_for(timeout=10_000)
    page.screenshot(path=screen("own_data"), full_page=True)
    context.close()


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots(server, browser, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(server[1])
    done(page)
    page.screenshot(path=screen(f"{width}_{scheme}"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_names_for_screen_readers(page):
    """Every slider, field, button and picture has a name, and all can be reached by keys."""
    missing = page.evaluate(
        """() => [...document.querySelectorAll('[role=slider], input, button, svg[role=img]')]
        .filter(e => !(e.getAttribute('aria-label') || e.closest('[aria-label]') || e.textContent.trim()
                       || (e.id && document.querySelector(`label[for="${e.id}"]`)) || e.closest('label')))
        .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert not missing
    assert page.evaluate("[...document.querySelectorAll('[role=slider]')].every(e => e.querySelector('[tabindex]'))")
    assert page.evaluate("document.documentElement.lang") == "en-US"


def screen(name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    return str(SCREENS / f"{name}.png")
