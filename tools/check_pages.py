"""Pages as people meet them: python -m tools.check_pages FILE.html...

Loads each page in headless Chromium, light, dark and as wide as a phone, with everything that is folded away opened;
runs axe-core, and fails on any violation, on anything asked for from a network, on what is wider than the screen and
on errors in the console. Writes a screenshot of each. Needs Chromium and chromedriver, selenium (the extra `bench`),
and npm, which fetches axe-core.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

AXE = "axe-core@4.14.1"
FOLDER = Path("runs/axe")
ALONE = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
"""A browser that does nothing but what it is told."""
OPENED = "document.querySelectorAll('details').forEach(one => { one.open = true })"
CHECKED = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations))"
WIDER = "return document.documentElement.scrollWidth > window.innerWidth"


@dataclass(frozen=True)
class Look:
    """A way to look at a page: how wide the window is, in pixels, and which colours are preferred."""

    name: str
    width: int
    colours: str
    phone: bool = False


LOOKS = (Look("light", 1200, "light"), Look("dark", 1200, "dark"), Look("phone", 390, "light", phone=True))


def axe(folder: Path = FOLDER) -> str:
    """The source of axe-core, from `folder`, where npm puts it first if need be."""
    path = folder / "axe.min.js"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as name:
            subprocess.run(["npm", "pack", AXE, "--pack-destination", name], check=True, capture_output=True)
            (archive,) = Path(name).glob("*.tgz")
            with tarfile.open(archive) as packed:
                file = packed.extractfile("package/axe.min.js")
                assert file is not None  # every release has it
                path.write_bytes(file.read())
    return path.read_text("utf-8")


def browser(profile: str) -> Chrome:
    """Chromium without a window, with a log of what it asks for."""
    options = ChromeOptions()
    for argument in (*ALONE, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return Chrome(options, ChromeService("/usr/bin/chromedriver"))


def problems(driver: Chrome, page: Path, look: Look, script: str, picture: Path) -> Iterator[str]:
    """What is wrong with a page in this look, a sentence each; its screenshot goes to `picture`."""
    screen = {"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    colours = {"features": [{"name": "prefers-color-scheme", "value": look.colours}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", colours)
    driver.get_log("performance")  # what pages before this one asked for
    driver.get(page.resolve().as_uri())
    seen = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
    picture.write_bytes(base64.b64decode(seen["data"]))
    driver.execute_script(OPENED)
    if driver.execute_script(WIDER):
        yield "it is wider than the screen"
    driver.execute_script(script)
    yield from map(_told, driver.execute_async_script(CHECKED))
    yield from (f"it asks for {url}" for url in _asked(driver.get_log("performance")) if _foreign(url))
    yield from (entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE")


def _told(violation: Mapping[str, Any]) -> str:
    where = "; ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['impact']}): {violation['help']}, {len(violation['nodes'])} times: {where}"


def _asked(log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in log:
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def _foreign(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a page has a problem, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path, metavar="FILE.html")
    parser.add_argument("--pictures", type=Path, default=Path("runs/pages"), help="where screenshots go")
    given = parser.parse_args(arguments)
    given.pictures.mkdir(parents=True, exist_ok=True)
    script, failed = axe(), False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = browser(profile)
        try:
            for page in given.pages:
                for look in LOOKS:
                    picture = given.pictures / f"{page.stem}-{look.name}.png"
                    found = [*problems(driver, page, look, script, picture)]
                    failed = failed or bool(found)
                    print(f"{page.name}, {look.name}: {'nothing wrong' if not found else ''}", flush=True)
                    for line in found:
                        print(f"  {line}", flush=True)
        finally:
            driver.quit()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
