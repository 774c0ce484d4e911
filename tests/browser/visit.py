"""A report opened in the browser, with everything it said and asked for while it was open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}
ZOOMED = {"width": 320, "height": 256}  # what 1280 x 1024 leaves at 400 %


@dataclass
class Visit:
    """One page in a context of its own."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def quiet(self) -> None:
        """A report says nothing on the console and asks for nothing but the file and what it carries."""
        assert not self.said
        assert self.asked
        assert [address[:80] for address in self.asked if not address.startswith(("file:", "data:"))] == []


@contextmanager
def opened(browser: Browser, address: str, script: bool = True, zoom: float = 1, **options: Any) -> Iterator[Visit]:
    """The report at `address`; options are those of playwright's `new_context`."""
    options = {"viewport": WIDE, **options}
    with browser.new_context(java_script_enabled=script, device_scale_factor=zoom, **options) as context:
        context.set_default_timeout(5000)
        visit = Visit(context.new_page())
        visit.page.goto(address)
        yield visit


def unfold(page: Page) -> None:
    """Open every <details>, the way a reader does it: works without the script too."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def shown_cases(page: Page) -> list[str]:
    """The ids of the cases in sight."""
    return [case.get_attribute("id") or "" for case in page.locator(".case").all() if case.is_visible()]
