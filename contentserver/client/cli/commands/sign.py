"""`contentctl sign`: an address that lets somebody else do one thing for a while."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from contentserver.client.cli import failures
from contentserver.client.cli.parser import (
    Command,
    Parser,
    Usage,
    add_version,
    is_address,
    seconds,
    wanted_file,
)  # fmt: skip
from contentserver.client.cli.session import Session

METHODS = ("GET", "HEAD", "PUT", "DELETE", "PATCH")
EXAMPLES = """  contentctl sign photos/2026/scan-0001.tif --lifetime 15m
  contentctl sign photos/2026/scan-0001.tif --disposition inline --subject anna
  contentctl sign https://files.example.org/v1/uploads/2c1f… --lifetime 2h   # a browser may send

Signed here, with CONTENTSERVER_URL_KEY_ID and CONTENTSERVER_URL_KEY; the server is not asked.
Whoever has the address may use it until it expires."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("what", metavar="COLLECTION/KEY|UPLOAD")
    parser.add_argument("--method", choices=METHODS, help="default GET, of an upload PATCH")
    parser.add_argument(
        "--lifetime", metavar="TIME", type=seconds, default=300, help="300, 15m, 2h; default 5m"
    )
    parser.add_argument("--subject", metavar="PERSON", help="the end user the address is for")
    parser.add_argument("--disposition", choices=("attachment", "inline"))
    add_version(parser)


def run(session: Session) -> int:
    options = session.options
    session.about = options.what
    if not session.settings.get("url_key"):
        raise Usage(
            "signing needs CONTENTSERVER_URL_KEY_ID and CONTENTSERVER_URL_KEY, or url_key_id and "
            "url_key in the config file"
        )
    if is_address(options.what):
        url, method = _of_upload(session), "PATCH"
    else:
        url, method = _of_file(session), options.method or "GET"
    expires = int(parse_qs(urlsplit(url).query)["expires"][0])
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    session.output.answer({"url": url, "method": method, "expires": expires}, url)
    session.output.remark(f"for {method} until {until}")
    return failures.DONE


def _of_file(session: Session) -> str:
    options = session.options
    place = wanted_file(options.what)
    if options.method == "PATCH":
        raise Usage("PATCH is for staged uploads: give the upload's address")
    return session.client.sign(
        options.method or "GET", place.collection, place.key,
        lifetime=options.lifetime, subject=options.subject, disposition=options.disposition,
        version=options.version, as_of=options.as_of,
    )  # fmt: skip


def _of_upload(session: Session) -> str:
    options = session.options
    if (
        options.method not in {None, "PATCH"}
        or options.version
        or options.as_of
        or options.disposition
    ):
        raise Usage("of an upload only PATCH can be signed, without version or disposition")
    return session.client.sign_upload(
        options.what, lifetime=options.lifetime, subject=options.subject
    )


COMMAND = Command("sign", "make a signed URL", EXAMPLES, add_arguments, run)
