"""The page for the auditor that lies in every export."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from skold.exporting.service import ExportSummary


def readme(summary: "ExportSummary", table: str, *, private: bool) -> str:
    """Plain text."""
    facts = {
        "origin": summary.origin,
        "records": f"{summary.records:,}",
        "size": f"{summary.size:,}",
        "first": summary.first,
        "last": summary.end - 1,
        "table": table,
    }
    parts = [_HEAD, _PROVES[summary.kind], _VERIFY, _FILES]
    if not private:
        parts.insert(1, _WITHOUT_PRIVATE)
    return "\n".join(_(part) % facts for part in parts)


_HEAD = """\
EXPORT OF AN AUDIT LOG
======================

This export holds %(records)s records of the audit log %(origin)s, as it was when it had
%(size)s records. Read them in records.%(table)s: one line for each record, with its time, who
asked, for what, what was decided, and how it ended. A request (kind "req") and its end (kind
"done", whose "ref" is the request's "n") are two records.
"""
_WITHOUT_PRIVATE = """\
It was made without what the records say of persons (file names, end users, addresses of computers).
"""
_PROVES = {
    "all": """\
It is the whole log. It can be shown that no record was edited, deleted, inserted or moved since it
was signed.
""",
    "period": """\
It is one stretch of the log, leaves %(first)s to %(last)s. It can be shown that none of them was
edited or moved, and that none between the first and the last is missing. A record's place is
where it reached the log, mostly within a second of its time.
""",
    "selection": """\
It is a selection. It can be shown that each of these records is in the log, unchanged. It can
NOT be shown that no other record would have belonged here as well. Where that matters, ask for
the export of a whole period, or for a copy of the whole log.
""",
}
_VERIFY = """\
HOW TO VERIFY IT
----------------
You need Python 3.11 and its package "cryptography", on a computer of your own:

    python3 verify_audit.py THIS-FOLDER-OR-ZIP --key KEY --checkpoint OLDER

KEY     the verify key of the log. Get it from the institution by another way than this export:
        from a printed page, a contract, an earlier audit. keys.txt only says what the log claims.
OLDER   a checkpoint that you kept from an earlier audit, or that was handed to somebody outside
        (see the folder anchors). It is what shows a log that was written anew and signed with
        the right key. Give as many as you have. Keep this export's "checkpoint" for next time.

The copy of verify_audit.py that lies here came from those whom you audit. Compare it with one that
you got elsewhere, or read it: it is one file, and shares no code with the server.
"""
_FILES = """\
THE FILES
---------
records.%(table)s    the records for people; the verifier compares them with leaves.bin
leaves.bin       the exact bytes of each record
hashes.txt       the hashes that lead from the records to the signed root
checkpoint       the signed root
anchors/         what others confirmed of older checkpoints
keys.txt         the keys that the log says it is signed with
export.json      what was asked for, by whom and when
verify_audit.py  the verifier
SHA256SUMS       finds accidents: sha256sum -c SHA256SUMS
"""
