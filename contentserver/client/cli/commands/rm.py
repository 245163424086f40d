"""`contentctl rm`: a delete marker as the next version, or the end of a staged upload."""

from contentserver.client.cli import failures
from contentserver.client.cli.parser import Command, Parser, Usage, is_address, wanted_file
from contentserver.client.cli.session import Session

EXAMPLES = """  contentctl rm photos/2026/scan-0001.tif
  contentctl rm photos/2026/scan-0001.tif --if-match '"2026.3-0f1e2d3c4b5a6978"'
  contentctl rm https://files.example.org/v1/uploads/2c1f…    # a staged upload that nobody commits

Earlier versions stay and can be read: contentctl versions, then get --version."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("what", metavar="COLLECTION/KEY|UPLOAD", nargs="+")
    parser.add_argument("--if-match", metavar="ETAG", help="delete exactly this version")


def run(session: Session) -> int:
    options = session.options
    if options.if_match and (len(options.what) > 1 or is_address(options.what[0])):
        raise Usage("--if-match goes with one file")
    worst = failures.DONE
    for what in options.what:
        try:
            _remove(session, what)
        except failures.TROUBLE as error:
            failure = failures.explain(error, what)
            session.output.complain(failure)
            worst = worst or failure.exit_status
    return worst


def _remove(session: Session, what: str) -> None:
    if is_address(what):
        session.client.upload(what).delete()
    else:
        place = wanted_file(what)
        session.client.delete(place.collection, place.key, if_match=session.options.if_match)
    session.output.answer({"removed": what}, f"removed {what}")


COMMAND = Command(
    "rm", "put a delete marker, or drop a staged upload", EXAMPLES, add_arguments, run
)
