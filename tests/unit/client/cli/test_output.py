"""Words and numbers for people."""

import io
import json

import pytest

from contentserver.client.cli.failures import Failure
from contentserver.client.cli.output import Output, clock, human_size, shown


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1.0 kB"), (1_234, "1.2 kB"),
     (99_949, "99.9 kB"), (99_999, "100 kB"), (999_999, "1.0 MB"), (48_300_000, "48.3 MB"),
     (2_030_000_000, "2.0 GB"), (10**18, "1000 PB")],
)  # fmt: skip
def test_sizes_have_three_digits_at_most_and_a_unit(size, said):
    assert human_size(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:01"), (16.5, "0:17"), (722.1, "12:03"), (11_999, "3:20:00")]
)
def test_times_are_read_as_on_a_clock(seconds, said):
    assert clock(seconds) == said


def test_what_others_wrote_cannot_command_a_terminal_or_begin_a_line():
    assert shown("a\x1b[2J\nb\r\udcffü") == "a\\x1b[2J\\nb\\r\\udcffü"


def test_answers_and_remarks_never_mix():
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err)
    output.answer({"key": "a"}, "stored a")
    output.remark("by the way")
    output.complain(Failure(3, "not found"))
    assert out.getvalue() == "stored a\n"
    assert err.getvalue() == "by the way\ncontentctl: not found\n"


def test_json_is_one_object_a_line_and_errors_are_objects_too():
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err)
    output.as_json = True
    output.answer({"key": "ü\n"}, "stored")
    output.remark("by the way")
    output.warn("failed")
    output.complain(Failure(3, "not found"))
    assert json.loads(out.getvalue()) == {"key": "ü\n"}
    assert json.loads(err.getvalue())["error"]["exit_status"] == 3
    assert out.getvalue().count("\n") == err.getvalue().count("\n") == 1


def test_quiet_keeps_what_is_wrong():
    err = io.StringIO()
    output = Output(io.StringIO(), err)
    output.quiet = True
    output.remark("by the way")
    output.warn("failed a")
    assert err.getvalue() == "failed a\n"
