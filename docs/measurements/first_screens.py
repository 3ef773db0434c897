"""Take pictures of the leaderboard's first screen, and print how long the page takes to load.

    python docs/measurements/first_screens.py       writes docs/leaderboard-*.png

It needs playwright (`pip install playwright`) and a Chromium on the path. The times are medians of
five loads: until the browser first draws something, and until all tables and plots are there.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "leaderboard/index.html"
SCREENS = {"desktop": (1400, 900), "phone": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOADS = 5
_TIMES = """() => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return [paint.startTime, performance.now()];
}"""


def main() -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - optional

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in SCREENS:
            for scheme in SCHEMES:
                _take(browser, name, scheme)
        _time(browser)
        browser.close()


def _take(browser: Browser, name: str, scheme: Literal["light", "dark"]) -> None:
    width, height = SCREENS[name]
    shown = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    messages: list[str] = []
    shown.on("console", lambda entry: messages.append(entry.text))
    shown.on("pageerror", lambda error: messages.append(str(error)))
    shown.goto(PAGE.as_uri())
    shown.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    place = ROOT / f"docs/leaderboard-{name}-{scheme}.png"
    shown.screenshot(path=place)
    print(f"{place.relative_to(ROOT)}: {len(messages)} messages on the console {messages}")
    shown.close()


def _time(browser: Browser) -> None:
    times = []
    for _ in range(LOADS):
        shown = browser.new_page()
        shown.goto(PAGE.as_uri())
        shown.wait_for_selector("html[data-ready=yes]", timeout=300_000)
        times.append(shown.evaluate(_TIMES))
        shown.close()
    drawn, ready = (median(column) / 1000 for column in zip(*times, strict=True))
    size = PAGE.stat().st_size / 1e6
    print(f"{size:.2f} MB: drawn after {drawn:.2f} s, ready after {ready:.2f} s")


if __name__ == "__main__":
    main()
