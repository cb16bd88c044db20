"""A real headless Chromium for tests of the page at /ui: driven by its keys, ended by its driver."""

import json
import os
import shutil

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.support.parts import ROOT, wait_until

WAIT_S = 60

# How many pixels of the chart's canvas have the colour of its line.
LINE_PIXELS = """
const canvas = document.querySelector('#chart canvas');
if (canvas === null || canvas.width === 0) return 0;
const probe = document.createElement('i');
probe.style.color = getComputedStyle(document.querySelector('#chart')).getPropertyValue('--line');
document.body.append(probe);
const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
probe.remove();
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
let count = 0;
for (let i = 0; i < data.length; i += 4) {
  count += data[i + 3] > 200 && Math.abs(data[i] - red) < 12 && Math.abs(data[i + 1] - green) < 12 &&
      Math.abs(data[i + 2] - blue) < 12;
}
return count;
"""


def installed(program):
    path = shutil.which(program)
    assert path, f"{program} is not installed: run tools/setup_tests.sh (`make test` does)"
    return path


class Browser:
    """One Chromium with one window. Names of elements are their ids."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = installed("chromium")
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--force-device-scale-factor=1"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's own demand
        for argument in arguments:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(executable_path=installed("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(WAIT_S)
        self.driver.set_page_load_timeout(WAIT_S)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.driver.quit()

    def reset(self):
        """As a new browser would be, for the next test."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.driver.set_window_size(1280, 900)
        self.driver.get_log("browser")

    def open(self, server, rest=""):
        self.driver.get(f"http://127.0.0.1:{server.http_port}/ui{rest}")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def element(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.element(name).get_property("textContent")

    def shown(self, name):
        return self.element(name).is_displayed()

    def wait(self, condition, what):
        wait_until(condition, what, WAIT_S)

    def wait_shown(self, name):
        self.wait(lambda: self.shown(name), f"#{name} is shown")

    def wait_hidden(self, name):
        self.wait(lambda: not self.shown(name), f"#{name} is hidden")

    def press(self, *keys):
        """Keys go where the focus is, as from a keyboard."""
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(getattr(Keys, key, key)).perform()

    def click(self, name):
        self.element(name).click()

    def focused(self):
        return self.js("return document.activeElement.id")

    def data(self, name="chart"):
        """The data attributes of an element."""
        return dict(self.js("return {...document.getElementById(arguments[0]).dataset}", name))

    def rows(self):
        """The metrics that the document has rows for: (name, tags)."""
        return [tuple(row) for row in self.js(
            "return [...document.querySelectorAll('#list [role=option]')]"
            ".map((row) => [...row.children].map((part) => part.textContent))")]

    def count(self):
        return int(self.data("list").get("count", -1))

    def wait_drawn(self, points=1):
        self.wait(lambda: int(self.data().get("points", 0)) >= points and self.line_pixels() > 0, "a line is drawn")

    def line_pixels(self):
        return self.js(LINE_PIXELS)

    def series_requests(self):
        """The start, end and bucket of each series that was asked for since the page was opened."""
        return [tuple(int(value) for value in values) for values in self.js(
            "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name))"
            ".filter((url) => url.pathname.endsWith('/series'))"
            ".map((url) => ['start_ts', 'end_ts', 'bucket'].map((name) => url.searchParams.get(name)))")]

    def prefer(self, scheme):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def complaints(self):
        """What the browser said is wrong with the page: blocked content, exceptions, missing files."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def audit(self):
        """What axe finds wrong for people who see, hear or move differently: (rule, element) of each."""
        self.js((ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text())
        return self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document).then(({violations}) => done(violations.flatMap("
            "(rule) => rule.nodes.map((node) => [rule.id, node.html]))))")

    def resize(self, width, height):
        self.driver.set_window_size(width, height)
        self.wait(lambda: self.js("return innerWidth") <= width, json.dumps({"width": width}))
