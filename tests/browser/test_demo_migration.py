"""What somebody sees who tries the migrator with `make run`: the page reaches 100 %, and the old
photo URL answers the same bytes in every mode.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import chromium
from tests.support.house import House
from tests.support.plane import REPOSITORY
from tests.support.records import until
from tests.support.servers import freeze, thaw

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("house")]
OLD = 12
"""A photo of the legacy database."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    running = House(tmp_path_factory.mktemp("demo") / "home").with_tables()
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def page() -> Iterator["Page"]:
    """The house has a database of its own; this process needs none."""
    with chromium() as opened:
        yield opened


def manage(house: House, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env={**house.environment, "DJANGO_SETTINGS_MODULE": "contentserver.settings"},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def cut_over(house: House, *options: str) -> None:
    """As soon as every gate is met."""
    deadline = time.monotonic() + 60
    while "published after" not in (said := manage(house, "cutover", "photos", "--yes", *options)):
        assert time.monotonic() < deadline, said
        time.sleep(1)


def old_url(house: House) -> bytes:
    answer = httpx.get(house.demo["legacy_url_example"].replace("id=1", f"id={OLD}"))
    assert answer.status_code == 200, answer.text
    return answer.content


def sign_in(page: "Page", house: House) -> None:
    """To the page of the source."""
    demo = house.demo
    page.goto(demo["admin_url"])
    page.fill("#id_username", demo["admin_user"])
    page.fill("#id_password", demo["admin_password"])
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    page.goto(f"{demo['admin_url']}migrator/source/{demo['legacy_source']}/change/")


def test_the_page_reaches_one_hundred_percent_by_itself(house: House, page: "Page") -> None:
    assert old_url(house).startswith(b"\x89PNG")
    sign_in(page, house)
    expect(page.locator("[data-progress=percent]")).to_have_text("100 %", timeout=60_000)
    expect(page.locator("[data-progress=failed-value]")).to_have_text("0")


def test_the_old_url_answers_the_same_bytes_in_every_mode(house: House, page: "Page") -> None:
    sign_in(page, house)
    expect(page.locator("[data-progress=percent]")).to_have_text("100 %", timeout=60_000)
    # The old application rests, so that the photo stays what it is.
    writer = house.servers["pids"]["legacy-writer"]
    freeze(writer)
    seen = {"legacy": old_url(house)}
    cut_over(house)
    seen["shadow"] = old_url(house)
    page.click("text=Verify now")
    page.wait_for_selector("text=The worker verifies.")
    cut_over(house, "--shadow-reads", "0")
    seen["hybrid"] = old_url(house)
    page.click("text=Mark switched >> nth=1")
    page.wait_for_selector("text=photo-office uses this server")
    cut_over(house)
    seen["writeback"] = old_url(house)
    thaw(writer)
    log = house.home / "logs" / "legacy-writer.log"
    assert until(lambda: re.search("content server: .* 20[014]", log.read_text()) is not None, 30)
    freeze(writer)
    page.click("text=Mark switched")
    page.wait_for_selector("text=old web pages uses this server")
    seen["last in writeback"] = old_url(house)
    cut_over(house)
    assert old_url(house) == seen.pop("last in writeback")
    page.reload()
    expect(page.locator("[aria-current=step]")).to_contain_text("disk")
    assert len(set(seen.values())) == 1, {mode: len(content) for mode, content in seen.items()}
