"""What is wrong with the Stripe accounts, and what to do about it.

Each account is a patient; each probe looks at one thing and tells what it saw. Nothing is written but the journal of
what Stripe was asked.
"""
