"""Users go on reading one source while its operator takes it to disk and back: nobody notices."""

import hashlib
import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from migrator.models import Application, Source
from tests.support.draining import contents
from tests.support.draining.contents import State
from tests.support.draining.drain import Drain, draining, wait_until
from tests.support.servers import TestPostgres

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE = "chunked"
RECORDS = 50


def test_a_hundred_users_notice_nothing(
    tmp_path: Path, legacy: TestPostgres, settings: Any
) -> None:
    cut_over_under(tmp_path, legacy, settings, users=100, pause=1.0, hold=0.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_users_notice_nothing(
    tmp_path: Path, legacy: TestPostgres, settings: Any
) -> None:
    cut_over_under(tmp_path, legacy, settings, users=1000, pause=5.0, hold=5.0)


def cut_over_under(
    folder: Path,
    legacy: TestPostgres,
    settings: Any,
    *,
    users: int,
    pause: float,
    hold: float,
) -> None:
    """legacy, shadow, hybrid, writeback, disk, and back step by step, each by the command, `hold`
    seconds after the one before.
    """
    with draining(folder, legacy, writers=0, records=RECORDS) as drain:
        settings.CONFIG = drain.home.config
        files = fill(drain)
        drain.start(longest=0.0, importers=False)
        drain.enter("legacy")
        Source.objects.filter(pk=SOURCE).update(shadow_share=100)
        drain.wait_until_quiet(90.0)
        crowd = drain.read_as(files, users=users, pause=pause)
        seconds = [step("shadow", hold)]
        call_command("legacy_verify", SOURCE, stdout=StringIO(), stderr=StringIO())
        seconds.append(step("hybrid", hold))
        now = timezone.now()
        for name, facts in (("portal", {"reads": True}), ("intake", {"writes": True})):
            Application.objects.create(source_id=SOURCE, name=name, switched_at=now, **facts)
        seconds += [step("writeback", hold), step("disk", hold)]
        seconds += [step(mode, hold) for mode in ("writeback", "hybrid", "shadow", "legacy")]
        seen = crowd()
        print(
            f"\n{users} users, {len(seconds)} cut-overs, each published after at most "
            f"{max(seconds):.2f} s: {seen.answers} answers, p50 {seen.percentile(0.5)} ms, "
            f"p99 {seen.percentile(0.99)} ms, {seen.errors.total()} failed or wrong"
        )
    assert seen.errors == {}
    assert seen.answers == seen.requests > users


def fill(drain: Drain) -> list[tuple[str, str]]:
    """Files in legacy: path and digest of each, which hold in every mode."""
    files = []
    for number in range(RECORDS):
        content = contents.make(State(SOURCE, number, 1, "first"), 1_500 * (number + 1))
        drain.application.tables[SOURCE].put(number, content, changed_at=timezone.now())
        files.append((f"/v1/content/{SOURCE}/{number}.jpg", hashlib.sha256(content).hexdigest()))
    return files


def step(to: str, hold: float) -> float:
    """Seconds until it was published; the step is asked for until its gates hold."""
    time.sleep(hold)
    answers: list[dict[str, Any]] = []

    def goes() -> bool:
        answers.append(cutover("--to", to, "--yes"))
        return bool(answers[-1]["applied"])

    wait_until(goes, 40.0, lambda: json.dumps(answers[-1], indent=1))
    return float(answers[-1]["published_after"])


def cutover(*options: str) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command(
            "cutover", SOURCE, "--json", "--shadow-reads=100", *options, stdout=out,
            stderr=StringIO(),
        )  # fmt: skip
    except CommandError:
        if not out.getvalue():
            raise
    found: dict[str, Any] = json.loads(out.getvalue())
    return found
