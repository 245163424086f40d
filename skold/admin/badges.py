"""unfold's coloured labels outside of lists."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString


def badge(shade: str, text: str) -> SafeString:
    """A label; `shade` is success, info, warning, danger or empty."""
    return render_to_string("unfold/helpers/label.html", {"type": shade, "text": text})
