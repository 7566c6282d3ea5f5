"""The admin's start page: what needs a person, and figures by day.

What else needs a person is told by a function marked `@finds`, in any module that is imported at start-up.
"""

from finance.home import found
from finance.home.needs import Deadline, Need, Tone, finds

__all__ = ["Deadline", "Need", "Tone", "finds", "found"]
