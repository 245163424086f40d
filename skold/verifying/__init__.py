"""The node verifies itself, with the auditor's verifier: at once by command, each night by beat."""

from skold.verifying.live import LiveVerification, Mode, Outcome, VerificationRunsError
from skold.verifying.results import Result, find_result, is_due

__all__ = [
    "LiveVerification",
    "Mode",
    "Outcome",
    "Result",
    "VerificationRunsError",
    "find_result",
    "is_due",
]
