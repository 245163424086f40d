"""The commands, a module each, in the order of --help."""

from contentserver.client.cli.commands import (
    commit,
    cp,
    get,
    head,
    ls,
    put,
    rm,
    sign,
    stage,
    versions,
)  # fmt: skip

COMMANDS = tuple(
    module.COMMAND for module in (put, get, cp, ls, head, versions, rm, stage, commit, sign)
)
