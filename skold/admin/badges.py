"""unfold's coloured labels, made once for each text: a list shows the same few a hundred times."""

from functools import lru_cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString


def badge(shade: str, text: str) -> SafeString:
    """A label; `shade` is success, info, warning, danger or empty."""
    return _label(str(shade), str(text))


@lru_cache(maxsize=1000)
def _label(shade: str, text: str) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"type": shade, "text": text})
