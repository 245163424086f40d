#!/usr/bin/env python
"""Django's command line for the content server."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")
    from contentserver.database_users import choose  # noqa: PLC0415 - before the settings are read

    choose(sys.argv[1] if len(sys.argv) > 1 else "")
    from contentserver.correlation import name_command  # noqa: PLC0415 - after the path is set

    name_command(sys.argv[1] if len(sys.argv) > 1 else "help")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the settings are named
    from django.db import OperationalError  # noqa: PLC0415 - likewise
    from django.utils.translation import gettext  # noqa: PLC0415 - likewise

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(gettext("PostgreSQL does not answer: %(error)s") % {"error": error})


if __name__ == "__main__":
    main()
