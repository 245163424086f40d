"""What beat asks of Sköld. Tasks may run twice, and be killed: marks in PostgreSQL say what is
done."""

from celery import shared_task

from skold.review.judge import judge


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def judge_audit() -> int:
    """Let the rules of the review look at what is new."""
    return judge()
