"""`contentctl commit`: a staged upload becomes the next version; asking twice does no harm."""

from contentserver.client.cli import failures, wishes
from contentserver.client.cli.commands.put import show_stored
from contentserver.client.cli.digests import sha256_of
from contentserver.client.cli.parser import Command, Parser, add_conditions
from contentserver.client.cli.session import Session

EXAMPLES = """  contentctl commit https://files.example.org/v1/uploads/2c1f…
  contentctl commit https://files.example.org/v1/uploads/2c1f… --file film.mkv --create-only"""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("upload", metavar="UPLOAD", help="its address, as stage printed it")
    digest = parser.add_mutually_exclusive_group()
    digest.add_argument("--sha256", metavar="HEX", help="refuse if the bytes have another digest")
    digest.add_argument("--file", metavar="FILE", help="refuse if the bytes are not those of FILE")
    add_conditions(parser)


def run(session: Session) -> int:
    options = session.options
    session.about = options.upload
    session.if_stopped = "the same command may be given again"
    digest = sha256_of(options.file) if options.file else options.sha256
    upload = session.client.upload(options.upload)
    show_stored(session.output, upload.commit(sha256=digest, **wishes.conditions(options)))
    return failures.DONE


COMMAND = Command("commit", "make a staged upload a version", EXAMPLES, add_arguments, run)
