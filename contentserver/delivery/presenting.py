"""Headers that say how a file is to be shown, the same whatever it was read from."""

import time

from contentserver.delivery.responses import Headers
from contentserver.delivery.rules import Rules
from contentserver.protocol.dates import format_http_date
from contentserver.protocol.dispositions import content_disposition

NOT_SHARED = b"private, no-cache"
"""A cache in between would hide reads from the audit."""


def last_modified(seconds: int) -> tuple[bytes, bytes]:
    """Never later than now: a clock that was set back would put it after Date (RFC 9110 section
    8.8.2.1).
    """
    return b"last-modified", format_http_date(min(seconds, int(time.time()))).encode()


def presentation(
    media_type: str, filename: str | None, rules: Rules, wanted: str | None
) -> Headers:
    """Type and disposition. `wanted` is the disposition that a signed URL asks for."""
    inline = rules.shows_inline(media_type) and wanted != "attachment"
    disposition = content_disposition("inline" if inline else "attachment", filename)
    return [
        (b"content-type", media_type.encode("latin-1")),
        (b"content-disposition", disposition.encode("latin-1")),
    ]
