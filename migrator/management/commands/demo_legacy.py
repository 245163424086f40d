"""`manage.py demo_legacy`: what `make run` shows of the migrator."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from migrator.demo.database import DemoSkipped
from migrator.demo.secret_files import write_secret
from migrator.demo.setup import follow_server, set_up


class Command(BaseCommand):
    help = _(
        "Makes a database of an old photo application beside ours, with its source, and says so in "
        "demo.json; `make run` calls it at every start. What is there stays. "
        "Example: manage.py demo_legacy"
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        home: Path = settings.CONFIG.home
        fresh = home / "demo.json.new"
        path = fresh if fresh.exists() else home / "demo.json"
        demo: dict[str, str] = json.loads(path.read_bytes())
        if demo.get("legacy_source"):
            dsn = follow_server(settings.CONFIG)
            facts = {"legacy_dsn": dsn} if dsn else {}
        else:
            try:
                facts = set_up(settings.CONFIG)
            except DemoSkipped as skipped:
                facts = {"legacy_skipped": str(skipped)}
            else:
                demo.pop("legacy_skipped", None)
                self.stdout.write(_("Made a legacy database with photos to try the migrator with."))
        if facts.items() - demo.items():
            write_secret(path, json.dumps({**demo, **facts}, indent=2))
