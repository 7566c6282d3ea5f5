"""What happened to an order, told for people: its events, those of its Stripe calls, and what other apps contribute."""

from orders.timeline.people import actor_in_words, staff_names
from orders.timeline.rows import Contributor, Happening, contributors, timeline
from orders.timeline.sentences import SENTENCES, moment, sentence_of, tell
from orders.timeline.standing import attention_in_words, dispute_in_words, situation, standing

__all__ = [
    "SENTENCES",
    "Contributor",
    "Happening",
    "actor_in_words",
    "attention_in_words",
    "contributors",
    "dispute_in_words",
    "moment",
    "sentence_of",
    "situation",
    "staff_names",
    "standing",
    "tell",
    "timeline",
]
