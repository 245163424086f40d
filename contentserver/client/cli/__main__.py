"""`python -m contentserver.client.cli`: the same as `contentctl`."""

import sys

from contentserver.client.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
