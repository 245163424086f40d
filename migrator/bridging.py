"""What the migrator adds to the bridge."""

from contentserver.operations import extensions
from contentserver.operations.loops import Step
from migrator import counting, published
from migrator.cutover import certificates
from migrator.writeback import consumer


def register() -> None:
    """Once per process, when all apps are loaded."""
    extensions.add_attachment("sources", published.sources)
    extensions.add_attachment("addresses", published.addresses)
    extensions.add_consumer(published.BOX, published.collects)
    extensions.add_loop("writeback", _writeback, consumer.INTERVAL)
    extensions.add_loop("certificates", _certificates, certificates.INTERVAL)
    extensions.add_loop("counting", lambda _context: counting.Counter().step, counting.INTERVAL)


def _writeback(context: extensions.BridgeContext) -> Step:
    return consumer.WriteBack(context).step


def _certificates(context: extensions.BridgeContext) -> Step:
    return certificates.Certificates(context).step
