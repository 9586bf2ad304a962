"""A headless Chromium, as Debian packages it: `apt-get install chromium chromium-driver`.

Its pictures go into the directory that CRMSYNC_PICTURES names; those in docs/images come from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from servers import require_server

WIDE, NARROW, LOW = (1280, 900), (480, 900), (1280, 780)
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--lang=en",
)  # fmt: skip


class Browser:
    """A window, and where its pictures go."""

    def __init__(self, driver: webdriver.Chrome, base: str, pictures: Path) -> None:
        self.driver = driver
        self.base = base
        self.pictures = pictures

    def open(self, path: str) -> None:
        self.driver.get(self.base + path)

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[str]:
        return [found.text for found in self.driver.find_elements(By.CSS_SELECTOR, css)]

    def go(self, act: Callable[[], object]) -> None:
        """Do what leads to another page, and wait until it is there: a click returns before that."""
        self.driver.execute_script("window.leaving = true")
        act()
        # Between two pages the driver may find neither, and has no one word for it.
        waiting = WebDriverWait(self.driver, 15, ignored_exceptions=[WebDriverException])
        there = "return !window.leaving && document.readyState === 'complete'"
        waiting.until(lambda driver: driver.execute_script(there))

    def until(self, ending: str) -> None:
        """Wait until the address ends so: a page that leads to a vendor and back goes on by itself."""
        waiting = WebDriverWait(self.driver, 20, ignored_exceptions=[WebDriverException])
        waiting.until(lambda driver: driver.current_url.endswith(ending))

    def click(self, css: str, text: str = "") -> None:
        """Follow what is there by this selector, with just this text if it is given."""
        found = [one for one in self.driver.find_elements(By.CSS_SELECTOR, css) if text in ("", one.text)]
        assert len(found) == 1, f"{len(found)} {css} {text!r} at {self.driver.current_url}"
        self.go(found[0].click)

    def link(self, text: str) -> None:
        self.go(self.driver.find_element(By.LINK_TEXT, text).click)

    def type(self, css: str, text: str) -> None:
        """Type into a field, and send its form."""
        self.go(lambda: self.find(css).send_keys(text, "\n"))

    @property
    def source(self) -> str:
        return self.driver.page_source

    def picture(self, name: str, size: tuple[int, int] = WIDE) -> None:
        self.driver.set_window_size(*size)
        self.pictures.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(self.pictures / f"{name}.png"))

    def overflow(self, size: tuple[int, int]) -> int:
        """By how many pixels the page is wider than a window of this size."""
        self.driver.set_window_size(*size)
        here = self.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return int(here)


@contextmanager
def browser(base: str, home: Path) -> Iterator[Browser]:
    """Open one, with a profile that nobody has used."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    require_server("Chromium", bool(program and driver))
    assert program
    assert driver
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={home / 'profile'}", f"--window-size={WIDE[0]},{WIDE[1]}"):
        options.add_argument(flag)
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(window, base, Path(os.environ.get("CRMSYNC_PICTURES") or home / "pictures"))
    finally:
        window.quit()
