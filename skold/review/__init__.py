"""The review of the audit: what rules notice, and what people say of it."""

from skold.review.findings import note_finding
from skold.review.verdicts import VERDICTS, review

__all__ = ["VERDICTS", "note_finding", "review"]
