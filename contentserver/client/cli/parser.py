"""The command line itself: one parser for each command, errors in one line, examples below."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from contentserver.client.cli.names import BadName, Place, parse_file, parse_place

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Usage(Exception):
    """What was asked for makes no sense; the text says what would. Exit status 2."""


class Parser(argparse.ArgumentParser):
    """One clear line instead of the whole usage; nothing is guessed from the start of a name."""

    def __init__(self, **options: object) -> None:
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,  # type: ignore[arg-type]
        )

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message} ({self.prog} --help shows how)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as its module declares it. `run` returns the exit status."""

    name: str
    help: str
    examples: str
    add_arguments: Callable[[Parser], None]
    run: Callable[..., int]


def build(commands: Sequence[Command], *, version: str, epilog: str) -> Parser:
    """`contentctl` with these commands."""
    parser = Parser(
        prog="contentctl", epilog=epilog,
        description="Files of a content server: put, get, copy whole folders, list, sign.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"contentctl {version}")
    below = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    common = _common()
    for command in commands:
        one = below.add_parser(
            command.name, help=command.help, parents=[common],
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=f"examples:\n{command.examples}",
        )  # fmt: skip
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


def _common() -> Parser:
    parser = Parser(add_help=False)
    options = parser.add_argument_group("for every command")
    options.add_argument("--json", action="store_true", help="JSON instead of text for people")
    options.add_argument("--quiet", "-q", action="store_true", help="no progress, no remarks")
    options.add_argument("--profile", metavar="NAME", help="a profile of the config file")
    options.add_argument(
        "--on-behalf-of", metavar="PERSON", help="the end user for whom this is done"
    )
    return parser


def place(text: str) -> Place:
    """collection/key, or collection/ and a prefix."""
    try:
        return parse_place(text)
    except BadName as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def one_file(text: str) -> Place:
    """collection/key of one file."""
    try:
        return parse_file(text)
    except BadName as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def wanted_file(text: str) -> Place:
    """The same outside of the parser. Raises Usage."""
    try:
        return parse_file(text)
    except BadName as error:
        raise Usage(str(error)) from None


def is_address(text: str) -> bool:
    """Whether an argument is the address of a staged upload rather than collection/key."""
    return text.startswith(("https://", "http://"))


def seconds(text: str) -> int:
    """300, 90s, 15m, 2h, 7d."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 300, 90s, 15m, 2h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def at_least_one(text: str) -> int:
    """A number from 1 to 64."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 64")
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def add_version(parser: Parser) -> None:
    """Which version of a file: the latest, one exactly, or the latest of a year."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", metavar="YEAR.NUMBER", help="exactly this version")
    which.add_argument("--as-of", metavar="YEAR", help="the latest at the end of this year")


def add_facts(parser: Parser) -> None:
    """What is kept with a file beside its bytes."""
    parser.add_argument("--media-type", metavar="TYPE", help="else told from the file's name")
    parser.add_argument("--data-subject", metavar="PERSON", help="whom the file is about")
    parser.add_argument(
        "--custom", metavar="NAME=VALUE", type=pair, action="append", default=[],
        help="a fact to keep with the file; may be repeated",
    )  # fmt: skip


def add_conditions(parser: Parser) -> None:
    """When to write at all."""
    condition = parser.add_mutually_exclusive_group()
    condition.add_argument(
        "--create-only", action="store_true", help="refuse if there is such a file already"
    )
    condition.add_argument("--if-match", metavar="ETAG", help="replace exactly this version")
