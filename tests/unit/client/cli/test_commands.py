"""The command line: help, examples, usage."""

import re
import shlex

import pytest

from contentserver.client.cli import main
from contentserver.client.cli.commands import COMMANDS
from contentserver.client.cli.entry import EPILOG
from contentserver.client.cli.parser import Usage, build
from skold.credentials import new_api_key


def parser():
    return build(COMMANDS, version="1", epilog=EPILOG)


def examples() -> list[str]:
    lines = [line for command in COMMANDS for line in command.examples.splitlines()]
    calls = [line[line.index("contentctl ") :] for line in lines if "contentctl " in line]
    return [re.split(r" +#| \||  +", call.strip())[0] for call in calls if "," not in call]


def test_every_command_has_examples_and_one_line_of_help():
    for command in COMMANDS:
        assert f"contentctl {command.name} " in command.examples
        assert "\n" not in command.help


@pytest.mark.parametrize("example", examples())
def test_the_examples_of_the_help_are_commands(example):
    parser().parse_args(shlex.split(example)[1:])


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_the_help_of_every_command_shows_its_examples(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "examples:" in said
    assert "--json" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "COMMAND"), (["fly"], "fly"), (["get"], "COLLECTION/KEY"), (["get", "photos"], "no file"),
     (["cp", "./a", "photos/b", "--jobs", "0"], "1 to 64"), (["ls", "photos", "--lon"], "--lon"),
     (["sign", "photos/a", "--lifetime", "soon"], "15m"), (["put", "a", "Photos/a"], "a-z"),
     (["put", "a", "photos/a", "--custom", "x"], "NAME=VALUE"),
     (["cp", "-r", "a/", "photos/b"], "begins with"), (["cp", "-r", "./a", "../b"], "this machine"),
     (["cp", "./a", "photos/b"], "contentctl put"),
     (["cp", "-r", "./nowhere", "photos/"], "no folder"),
     (["stage", "/dev/null"], "--resume"), (["sign", "photos"], "CONTENTSERVER_URL_KEY")],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2(arguments, said, capsys, monkeypatch):
    monkeypatch.setenv("CONTENTSERVER_URL", "http://127.0.0.1:1")
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("contentctl: ")
    assert said in printed.err


def test_a_key_as_an_argument_is_refused_before_anything_else_and_not_shown(capsys):
    key = new_api_key().plaintext
    assert main(["ls", "photos", "--api-key", key]) == 2
    said = capsys.readouterr().err
    assert "--api-key is no argument" in said
    assert key not in said
    assert main([key]) == 2
    assert key not in capsys.readouterr().err


def test_wrong_usage_is_json_when_json_was_asked_for(capsys):
    assert main(["get", "--json"]) == 2
    assert capsys.readouterr().err.startswith('{"error": {"exit_status": 2')


def test_nothing_is_guessed_from_the_beginning_of_an_option():
    with pytest.raises(Usage, match="unrecognized"):
        parser().parse_args(["put", "a", "photos/a", "--creat"])
