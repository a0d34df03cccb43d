"""The browser of the browser tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.browser.chromium import FLAGS, search


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real headless Chromium; where none can be had the test is skipped with what was tried, and in CI it fails."""
    found = search()
    if found.path is None:
        reason = "no Chromium could be had: " + "; ".join(found.tried)
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found.path, args=list(FLAGS))
        yield chromium
        chromium.close()
