"""The playground as people meet it: python -m tools.check_playground FOLDER

Serves a folder that tools.playground made, loads it in headless Chromium, and checks what it shows: the examples are
sound, a fault is marked and told, the layout, the link, the time limit, colours and width, and axe-core's rules. Needs
what tools.check_pages needs. Prints what loading and checking took.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tools.check_pages import CHECKED, LOOKS, WIDER, axe, browser

LOADING, CHECKING = 120, 60
"""Seconds to wait for the compiler, and for an answer."""
WRONG = (
    "method broken {\n"
    "    order 3\n"
    "    tableau {\n"
    "        0 |\n"
    "        1 | 1\n"
    "        --+---------\n"
    "          | 1/2, 1/2\n"
    "    }\n"
    "}\n"
)
BADLY_LAID = WRONG.replace("order 3", "order   2").replace("broken", "heun_2")


class _Quiet(SimpleHTTPRequestHandler):
    def guess_type(self, path: str | PathLike[str]) -> str:
        """As a web server that knows modules tells them."""
        known = {".mjs": "text/javascript", ".wasm": "application/wasm"}
        return known.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


def _state(driver: Chrome) -> str:
    text: str = driver.find_element(By.ID, "state").text
    return text


def _write(driver: Chrome, text: str) -> None:
    """Put a text in, and wait until there is an answer."""
    driver.execute_script(
        "const text = document.getElementById('text'); text.value = arguments[0];"
        "document.getElementById('state').textContent = 'asked'; text.dispatchEvent(new Event('input'))",
        text,
    )
    _answer(driver)


def _answer(driver: Chrome) -> None:
    WebDriverWait(driver, CHECKING).until(lambda _: _state(driver).startswith(("Sound", "1 error", "The spec took")))


def _examples(driver: Chrome) -> Iterator[str]:
    chosen = Select(driver.find_element(By.ID, "examples"))
    for name in [option.text for option in chosen.options]:
        driver.execute_script("document.getElementById('state').textContent = 'asked'")
        begun = time.perf_counter()
        driver.execute_script(
            "const one = document.getElementById('examples'); one.value = arguments[0]; one.onchange()", name
        )
        _answer(driver)
        rows = driver.find_elements(By.CSS_SELECTOR, "#rows tr")
        print(f"{name}: {len(rows)} rows in {time.perf_counter() - begun:.1f} s", flush=True)
        if not rows or not _state(driver).startswith("Sound"):
            yield f"the example {name} is not sound: {_state(driver)}"


def _use(driver: Chrome) -> Iterator[str]:
    _write(driver, WRONG)
    if not driver.find_elements(By.CSS_SELECTOR, "#messages li.error"):
        yield "a false claim gets no message"
    if not driver.find_elements(By.CSS_SELECTOR, "#colours .error"):
        yield "a false claim is not marked"
    _write(driver, BADLY_LAID)
    driver.find_element(By.ID, "fmt").click()
    WebDriverWait(driver, CHECKING).until(
        lambda _: "order 2" in driver.execute_script("return document.getElementById('text').value")
    )
    _answer(driver)
    driver.find_element(By.ID, "share").click()
    link = driver.current_url
    driver.get("about:blank")
    driver.get(link)
    WebDriverWait(driver, LOADING).until(lambda _: _state(driver).startswith("Sound"))
    if "heun_2" not in driver.execute_script("return document.getElementById('text').value"):
        yield "the link does not bring the spec back"


def _limit(driver: Chrome) -> Iterator[str]:
    """The page's long timers end at once, as if a spec took that long; the compiler must come back."""
    driver.execute_script(
        "window.real = setTimeout; window.setTimeout = (then, after) => real(then, after > 10000 ? 1 : after)"
    )
    _write(driver, WRONG.replace("order 3", "order 2"))
    if not _state(driver).startswith("The spec took"):
        yield f"a spec that takes too long is not ended: {_state(driver)}"
    driver.execute_script("window.setTimeout = real")
    WebDriverWait(driver, LOADING).until(lambda _: _state(driver).startswith("Sound"))


def _looks(driver: Chrome, script: str) -> Iterator[str]:
    driver.execute_script(script)
    for look in LOOKS:
        screen = {"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.phone}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        colours = {"features": [{"name": "prefers-color-scheme", "value": look.colours}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", colours)
        if driver.execute_script(WIDER):
            yield f"{look.name}: it is wider than the screen"
        for violation in driver.execute_async_script(CHECKED):
            yield f"{look.name}: {violation['id']}: {violation['help']}: {violation['nodes'][0]['target']}"


def problems(driver: Chrome, address: str) -> Iterator[str]:
    """What is wrong with the playground, a sentence each."""
    script = axe()
    driver.get(address)
    WebDriverWait(driver, LOADING).until(lambda _: driver.execute_script("return document.body.dataset.loaded"))
    print(f"loaded in {int(driver.execute_script('return document.body.dataset.loaded')) / 1000:.1f} s", flush=True)
    _answer(driver)
    yield from _examples(driver)
    yield from _use(driver)
    yield from _limit(driver)
    yield from _looks(driver, script)
    yield from (entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE")


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where the playground has a problem, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args(arguments).folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = browser(profile)
        try:
            found = [*problems(driver, f"http://127.0.0.1:{server.server_port}/")]
        finally:
            driver.quit()
            server.shutdown()
    print("\n".join(found) or "nothing wrong")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
