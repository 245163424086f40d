"""Makes the pictures of docs/images that show the review, from a house with a believable morning.

python -m tests.browser.pictures                   light, as in the documents
python -m tests.browser.pictures --look FOLDER     also dark and 400 px wide, to be looked at
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.support.believable import fill
from tests.support.house import House
from tests.support.plane import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = REPOSITORY / "docs" / "images"
PASSWORD = "believable-morning-7"
PREPARE = """
import datetime as dt, random
from django.contrib.auth.models import Group, User
from django.utils import timezone
from skold.models import AuditHour, Finding
from skold.review import review
from skold.review.judge import judge
eva = User.objects.create_user("eva.berg", password="{password}", is_staff=True,
                               first_name="Eva", last_name="Berg")
eva.groups.add(Group.objects.get(name="Auditor"))
chance = random.Random(5)
hour = timezone.now().replace(minute=0, second=0, microsecond=0)
def add(number, client, decision, outcome, count):
    AuditHour.objects.create(hour=hour - dt.timedelta(hours=number), node="node-1", plane="data",
        client=client, action="read", decision=decision, outcome=outcome, count=count,
        bytes=count * 40_000)
for number in range(1, 24 * 30):
    at = hour - dt.timedelta(hours=number)
    busy = max(0.04, 1 - abs(at.hour - 11) / 7) * (0.1 if at.weekday() > 4 else 1)
    for client, usual in (("portal", 220), ("library", 90), ("personnel", 12)):
        add(number, client, "allow", "served", int(usual * busy * chance.uniform(0.8, 1.2)) + 1)
    if chance.random() < 0.15 + busy / 4:
        add(number, "kiosk", "refuse", "not_found", chance.randint(1, 9))
judge()
first = Finding.objects.filter(rule="refusals").first()
review(actor="admin:eva.berg", finding=first, verdict="watched",
       comment="The kiosk shows a link to contracts since the update. Its supplier knows.")
"""


def main() -> None:
    """Start a house, let a morning pass, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--look", type=Path, help="a folder for all pictures, dark and small too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "home").start()
        try:
            prepare(house)
            with sync_playwright() as driver:
                options = {"executable_path": _chromium(), "args": FLAGS}
                browser = driver.chromium.launch(**options)  # type: ignore[arg-type]
                take(browser, house.demo["url"], IMAGES, SHOWN)
                if given.look:
                    look(browser, house.demo["url"], given.look)
                browser.close()
        finally:
            house.close()


def prepare(house: House) -> None:
    """The morning, the auditor, the weeks before as sums."""
    fill(house.demo["url"], house.demo["api_key"])
    time.sleep(5)  # until bridge and copier have brought it
    code = PREPARE.format(password=PASSWORD)
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    # The weeks before are sums without records, which only the owner of the tables may write.
    owner = {"DATABASE_URL": house.servers["owner_database_url"]}
    subprocess.run(command, cwd=REPOSITORY, env=house.environment | owner, check=True)


def take(
    browser: "Browser", url: str, folder: Path, names: Iterable[str], **options: object
) -> None:
    """Each of these pages once."""
    folder.mkdir(parents=True, exist_ok=True)
    size = options.pop("viewport", {"width": 1280, "height": 860})
    page = browser.new_page(viewport=size, **options)  # type: ignore[arg-type]
    sign_in(page, url)
    for name in names:
        PAGES[name](page, url)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")
    page.close()


def look(browser: "Browser", url: str, folder: Path) -> None:
    """Dark, and as a telephone shows it."""
    take(browser, url, folder, PAGES)
    take(browser, url, folder / "dark", PAGES, color_scheme="dark")
    take(browser, url, folder / "small", PAGES, viewport={"width": 400, "height": 900})


def sign_in(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/login/?next=/admin/")
    page.fill("#id_username", "eva.berg")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")


def _dashboard(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/auditrecord/dashboard/")


def _list(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/auditrecord/?collection=classes")


def _findings(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/finding/")


def _finding(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/finding/?rule__exact=refusals")
    page.click("#result_list a[href*='/change/'] >> nth=0")


def _file(page: "Page", url: str) -> None:
    query = "collection=classes&key=7b/alva.lind.jpg"
    page.goto(f"{url}/admin/skold/auditrecord/file/?{query}")


def _person(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/auditrecord/person/?person=alva.lind")


def _proof(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/skold/auditrecord/node-1:700/proof")


PAGES = {
    "audit": _list,
    "audit-overview": _dashboard,
    "audit-finding": _finding,
    "audit-file": _file,
    "audit-findings": _findings,
    "audit-person": _person,
    "audit-proof": _proof,
}
SHOWN = ("audit", "audit-overview", "audit-finding", "audit-file")
"""Those that the documents show."""


def _chromium() -> str:
    import shutil

    return next(path for path in map(shutil.which, NAMES) if path)


if __name__ == "__main__":
    main()
