"""`contentctl`: from the arguments to an exit status; nothing escapes as a trace but a defect."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from contentserver import __version__
from contentserver.client.cli import failures
from contentserver.client.cli.commands import COMMANDS
from contentserver.client.cli.failures import Failure
from contentserver.client.cli.manifest import ManifestUnusable
from contentserver.client.cli.output import Output
from contentserver.client.cli.parser import Usage, build
from contentserver.client.cli.profiles import BadSettings
from contentserver.client.cli.refusals import find_secret
from contentserver.client.cli.session import Session

EPILOG = f"""places: collection/key, collection/prefix/ or collection; in cp, what lies here begins with ./ / or ~
server and credentials: CONTENTSERVER_URL, CONTENTSERVER_API_KEY, or ~/.config/contentctl.toml; never arguments

{failures.STATUSES}

contentctl COMMAND --help shows options and examples."""  # noqa: E501 - as it is printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (failures.py)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    output = Output(sys.stdout, sys.stderr)
    output.as_json = "--json" in given
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(given, output)
    except Usage as error:
        return _complain(output, Failure(failures.USAGE, str(error)))
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(given: list[str], output: Output) -> int:
    if secret := find_secret(given):
        raise Usage(secret)
    options = build(COMMANDS, version=__version__, epilog=EPILOG).parse_args(given)
    output.as_json, output.quiet = options.json, options.quiet
    with Session(options, output) as session:
        try:
            status: int = options.run(session)
        except failures.TROUBLE as error:
            if isinstance(error, BrokenPipeError):
                raise
            return _complain(output, failures.explain(error, session.about))
        except (ManifestUnusable, BadSettings) as error:
            return _complain(output, Failure(failures.USAGE, str(error)))
        except (KeyboardInterrupt, Terminated) as error:
            return _stopped(output, session, error)
        return status


class Terminated(BaseException):
    """SIGTERM: end like Ctrl-C, with a status of its own."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _stopped(output: Output, session: Session, error: BaseException) -> int:
    terminated = isinstance(error, Terminated)
    status = failures.TERMINATED if terminated else failures.STOPPED
    return _complain(output, Failure(status, f"stopped: {session.if_stopped}"))


def _complain(output: Output, failure: Failure) -> int:
    output.complain(failure)
    return failure.exit_status
