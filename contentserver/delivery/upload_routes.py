"""The routes of uploads, with the action that each asks for."""

from contentserver.delivery.parts import Parts
from contentserver.delivery.routes import COMMIT, PUBLIC, UPLOAD, UPLOADS, Routes
from contentserver.delivery.upload_append import Appender
from contentserver.delivery.upload_commit import Committing, Finisher
from contentserver.delivery.upload_create import Creator
from contentserver.delivery.upload_delete import Terminator
from contentserver.delivery.upload_door import Door
from contentserver.delivery.upload_head import Header
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_options import Offer


def add_uploads(routes: Routes, parts: Parts) -> None:
    """Register them all."""
    door, holding, offer = Door(parts), Holding(parts), Offer(parts)
    finisher = Finisher(parts, door)
    appender = Appender(parts, door, holding, finisher)
    creator = Creator(parts, holding, appender, finisher)
    header = Header(parts, door, holding, finisher)
    terminator = Terminator(parts, door, holding)
    committing = Committing(parts, door, holding, finisher)
    uploads = UPLOADS.decode()
    routes.add(uploads, "POST", "stage", creator.create, keyed=False, by_year=True)
    routes.add(UPLOAD, "HEAD", "stage", header.head, keyed=False, by_year=True)
    routes.add(UPLOAD, "PATCH", "stage", appender.patch, keyed=False, by_year=True)
    routes.add(UPLOAD, "DELETE", "stage", terminator.delete, keyed=False, by_year=True)
    routes.add(COMMIT, "POST", "commit", committing.commit, keyed=False, by_year=True)
    for name in (uploads, UPLOAD, COMMIT):
        routes.add(name, "OPTIONS", PUBLIC, offer.options, keyed=False)
