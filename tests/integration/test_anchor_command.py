"""`manage.py anchor_checkpoint`, and what the checks say of anchors."""

import dataclasses
import io
import json

import pytest
from django.core.management import CommandError, call_command

from contentserver import checks
from tests.support.anchoring import GrowingLedger, WebPlace, web_place
from tests.support.journals import kinds, read_all, the_writer


@pytest.fixture
def config(settings, tmp_path):
    (tmp_path / "ledger").mkdir()
    settings.CONFIG = dataclasses.replace(
        settings.CONFIG,
        ledger=tmp_path / "ledger",
        journal_dirs=(tmp_path / "journal",),
        anchors=(),
    )
    GrowingLedger(settings.CONFIG.ledger).grow_to(12)
    return settings.CONFIG


def run(*options):
    out = io.StringIO()
    call_command("anchor_checkpoint", *options, stdout=out)
    return out.getvalue()


def test_now_sends_it_and_is_recorded(config, settings):
    with web_place(WebPlace()) as place:
        address = f"http://127.0.0.1:{place.port}/"
        settings.CONFIG = dataclasses.replace(config, anchors=(address,))
        told = json.loads(run("--now", "--json"))
    (entry,) = told["places"]
    assert (entry["address"], entry["size"], entry["error"]) == (address, 12, None)
    assert not told["not_anchored"]
    assert len(place.asked) == 1
    frames, _ = read_all(config.journal_dirs[0], the_writer(config.journal_dirs[0]))
    assert [kind for kind in kinds(frames) if kind in {"req", "done"}] == ["req", "done"]


def test_it_shows_and_does_nothing_without_now(config, settings):
    with web_place(WebPlace()) as place:
        settings.CONFIG = dataclasses.replace(config, anchors=(f"http://127.0.0.1:{place.port}/",))
        assert "nothing yet" in run()
        assert place.asked == []


def test_it_ends_with_an_error_that_names_the_place(config, settings, capsys):
    place = WebPlace(answer=lambda _: (500, "text/plain", b""))
    with web_place(place):
        settings.CONFIG = dataclasses.replace(config, anchors=(f"http://127.0.0.1:{place.port}/",))
        with pytest.raises(CommandError, match=r"Not anchored at: https-127\.0\.0\.1-"):
            run("--now")
    frames, _ = read_all(config.journal_dirs[0], the_writer(config.journal_dirs[0]))
    (done,) = (frame.fields for frame in frames if frame.fields["kind"] == "done")
    assert (done["status"], done["outcome"]) == (502, "failed")


def test_without_a_place_it_says_what_to_set(config):
    with pytest.raises(CommandError, match="not anchored"):
        run()
    (found,) = checks.check_anchors()
    assert found.id == "contentserver.W002"


def test_an_address_with_a_password_is_an_error_that_does_not_repeat_it(config, settings):
    settings.CONFIG = dataclasses.replace(config, anchors=("https://u:pa55word@log.example.org",))
    (found,) = checks.check_anchor_addresses()
    assert found.id == "contentserver.E004"
    assert "pa55word" not in str(found)
    assert checks.check_anchors() == []
