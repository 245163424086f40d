"""`python -m tests.acceptance`: store every file of this Python, read it back, compare all."""

import argparse
import shutil
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks.production import Production
from tests.acceptance.library import Library
from tests.acceptance.run import accept, describe_skipped

EXAMPLES = """examples:
  make acceptance                                   the library folder of this Python
  python -m tests.acceptance --library /srv/photos  any other folder
  python -m tests.acceptance --limit 500            the first 500 files
"""


def main() -> int:
    """0 if everything is equal, 1 if anything differs."""
    chosen = _arguments()
    console = Console()
    library = Library.scan(chosen.library.resolve())
    if chosen.limit is not None:
        del library.sources[chosen.limit :]
    if not library.sources:
        console.print(f"no files in {library.folder}: nothing was shown")
        return 1
    describe_skipped(library, console)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="acceptance-", dir=chosen.folder.resolve()))
    console.print(f"{len(library.sources):,} files of {library.folder}", highlight=False)
    began = time.monotonic()
    production = Production(folder)
    try:
        verdict = accept(production.start(), library, console)
    finally:
        production.close()
        shutil.rmtree(folder, ignore_errors=True)
    verdict.counts["seconds"] = int(time.monotonic() - began)
    verdict.print(console)
    return 1 if verdict.differences else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.acceptance",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--library",
        type=Path,
        default=Path(sysconfig.get_path("stdlib")),
        help="the folder whose files are stored (default: Python's own library)",
    )
    parser.add_argument("--limit", type=int, default=None, help="no more files than that")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("var/acceptance"),
        help="where the server's home goes for the time of the run (default: var/acceptance)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
