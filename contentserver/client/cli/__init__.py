"""`contentctl`, the command line of the client: docs/clients.md."""

from contentserver.client.cli.entry import main

__all__ = ["main"]
