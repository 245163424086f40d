"""What `make run` does when the house is ready: demo files at the first start, then the few lines
that matter.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import httpx

from contentserver.conf import Config
from contentserver.embedded.errors import CannotRun
from contentserver.embedded.supervisor import FINAL, UNANNOUNCED, read_demo, write_private


def announce(config: Config) -> None:
    """Store the demo files if this is the first start, write demo.json, print how to go on."""
    home = config.home
    fresh = home / UNANNOUNCED
    demo = read_demo(home)
    demo |= {"url": config.public_url, "admin_url": f"{config.public_url}/admin/"}
    if fresh.exists():
        for key, media_type, content in demo_files():
            store(demo, key, media_type, content)
    write_private(home / FINAL, demo)
    fresh.unlink(missing_ok=True)
    print(text(demo, home), flush=True)


def demo_files() -> list[tuple[str, str, bytes]]:
    """Key, media type and content of what the first start stores."""
    welcome = "Files are never changed: store this key again, and both versions stay.\n"
    table = "year,files\n2025,48211\n2026,51904\n"
    return [
        ("welcome.txt", "text/plain; charset=utf-8", welcome.encode()),
        ("photos/1001.png", "image/png", png(96, 128)),
        ("reports/files-per-year.csv", "text/csv", table.encode()),
    ]


def store(demo: dict[str, Any], key: str, media_type: str, content: bytes) -> None:
    """PUT one file, as any client would. Raises CannotRun with the server's words when it is
    refused.
    """
    answer = httpx.put(
        f"{demo['url']}/v1/content/{demo['collection']}/{key}",
        content=content,
        headers={"Authorization": f"Bearer {demo['api_key']}", "Content-Type": media_type},
        timeout=30,
        trust_env=False,
    )
    if answer.is_error:
        raise CannotRun(f"the demo file {key} was refused: {answer.text}")


def text(demo: dict[str, Any], home: Path) -> str:
    """What is printed: the address, the login, three lines to paste, two of the migration."""
    store_line, fetch_line, audit_line = curl_lines(demo)
    return f"""
ready {demo["url"]}

admin   {demo["admin_url"]}   user {demo["admin_user"]}   password {demo["admin_password"]}

store   {store_line}
fetch   {fetch_line}
audit   {audit_line}
{legacy_lines(demo)}
The same for programs: {home / FINAL}   Logs: {home / "logs"}   Stop: Ctrl-C
"""


def legacy_lines(demo: dict[str, Any]) -> str:
    """An old URL that goes on working, and the page to watch the migration on."""
    if "legacy_skipped" in demo:
        return f"\nno legacy database to try the migrator with: {demo['legacy_skipped']}\n"
    if "legacy_source" not in demo:
        return ""
    page = f"{demo['admin_url']}migrator/source/{demo['legacy_source']}/change/"
    return f"""
old URL {demo["legacy_url_example"]}
migrate {page}
"""


def curl_lines(demo: dict[str, Any]) -> tuple[str, str, str]:
    """Store a file, fetch it, see both in the audit; each line works when pasted into a shell."""
    curl = f"curl -sS -H 'Authorization: Bearer {demo['api_key']}'"
    address = f"{demo['url']}/v1/content/{demo['collection']}/hello.txt"
    body = "-H 'Content-Type: text/plain' --data-binary 'Hello, archive'"
    return (
        f"{curl} -X PUT {body} -i {address}",
        f"{curl} {address}",
        f"{curl} '{demo['url']}/api/v1/audit?client={demo['client_id']}&plane=data'",
    )


def png(width: int, height: int) -> bytes:
    """A small picture: a gradient."""
    rows = (bytes([0, *(v for x in range(width) for v in (2 * x, y, 160))]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
