"""A certificate as a page for people: one file, no scripts, nothing from outside."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 56rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1 { font-size: 1.6rem } table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ccc;
  vertical-align: top; overflow-wrap: anywhere }
.no { color: #a40000 } .yes { color: #1b6b1b } code { overflow-wrap: anywhere }
@media print { body { margin: 0 } }
"""


def page_of(certificate: Mapping[str, Any]) -> str:
    """The whole HTML document of a signed statement."""
    said = certificate["payload"]
    title = _("Cut-over of %(source)s: %(from)s to %(to)s") % {
        "source": said["source"],
        "from": said["from"],
        "to": _("disk, final") if said["final"] else said["to"],
    }
    return format_html(
        "<!doctype html><html><head><meta charset=utf-8><title>{}</title>"
        "<meta name=viewport content='width=device-width'><style>{}</style></head>"
        "<body><h1>{}</h1>{}<h2>{}</h2>{}<h2>{}</h2>{}<h2>{}</h2>{}</body></html>\n",
        title, SafeString(_STYLE), title, _rows(_facts(said)),
        _("Gates"), _gates(said["gates"]),
        _("Verification"), _rows((said["verification"] or {}).items()),
        _("Signature"), _rows(_signature(certificate)),
    )  # fmt: skip


def _facts(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    counts = said["counts"]
    return [
        (_("institution"), said["institution"]),
        (_("node"), said["node"]),
        (_("collection"), said["collection"]),
        (_("time"), said["time"]),
        (_("asked by"), said["asked_by"]),
        (_("number"), said["number"]),
        (_("legacy records"), counts["declared"]),
        (_("files imported"), counts["imported"]),
        (_("bytes imported"), counts["bytes_imported"]),
        (_("transaction horizon in legacy"), said["horizon"] or "-"),
    ]


def _signature(certificate: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (_("key"), certificate["key_id"]),
        (_("Ed25519 signature"), certificate["signature"]),
        (_("checked with"), "python docs/verify_certificate.py FILE --key PUBLIC"),
    ]


def _rows(rows: Any) -> SafeString:
    cells = format_html_join("", "<tr><th scope=row>{}</th><td>{}</td></tr>", rows)
    return format_html("<table>{}</table>", cells)


def _gates(gates: list[Mapping[str, Any]]) -> SafeString:
    head = format_html(
        "<tr><th>{}</th><th>{}</th><th>{}</th><th></th></tr>", _("gate"), _("found"), _("wanted")
    )
    rows = format_html_join(
        "",
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class={}>{}</td></tr>",
        (
            (g["text"], g["found"], g["wanted"], *(("yes", "✓") if g["passed"] else ("no", "✗")))
            for g in gates
        ),
    )
    return format_html("<table>{}{}</table>", head, rows)
