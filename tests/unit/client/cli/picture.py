"""Makes docs/images/contentctl.png, a copy under way: `python -m tests.unit.client.cli.picture`."""

import io
import re
from pathlib import Path

from rich.console import Console

from contentserver.client import Progress
from contentserver.client.cli import bars
from contentserver.client.cli.bars import Bars
from tests.browser.conftest import chromium

PICTURE = Path(__file__).resolve().parents[4] / "docs" / "images" / "contentctl.png"
COMMAND = "contentctl cp -r ./scans photos/2026/"
UNDER_WAY = {
    "2026/7b/IMG_2031.tif": (36_200_000, 12_100_000),
    "2026/7b/IMG_2032.tif": (36_200_000, 30_100_000),
    "2026/7b/portraits of the whole class.tif": (61_900_000, 40_300_000),
    "2026/7b/index.csv": (2_100, 2_100),
}


class _Clock:
    """Stands still, so that the rate is what the picture wants it to be."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def drawn(width: int = 96) -> str:
    """The SVG of the display."""
    clock = _Clock()
    bars.time = clock  # type: ignore[assignment]
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True,
                      color_system="truecolor", legacy_windows=False)  # fmt: skip
    shown = Bars("./scans → photos/2026/", io.StringIO(), console=console)
    shown.expect(1304, 2_030_000_000)
    clock.now += 30
    for _ in range(810):
        shown.settled("copied", 0)
    shown.moved(480_000_000, counts=False)
    shown.moved(700_000_000)
    console.print(f"$ {COMMAND}", markup=False, highlight=False)
    shown.note("failed 2026/7b/film.mov: too large: the collection takes at most 2 GB")
    shown.settled("failed", 0)
    for name, (size, done) in UNDER_WAY.items():
        shown.file(name, size).__enter__()(Progress(done, size))
    console.print(shown._picture())
    # Without the addresses of fonts of others.
    return re.sub(
        r"@font-face \{.*?\}", "", console.export_svg(title="contentctl"), flags=re.DOTALL
    )


def main() -> None:
    with chromium() as page:
        page.set_viewport_size({"width": 1200, "height": 600})
        page.set_content(f"<body style='margin:0;background:transparent'>{drawn()}</body>")
        page.locator("svg").screenshot(path=str(PICTURE), omit_background=True)


if __name__ == "__main__":
    main()
