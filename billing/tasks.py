from procrastinate.contrib.django import app

from billing.services import sweep_open_calls


# Every 15 seconds: the sixth field is that of the seconds.
@app.periodic(cron="* * * * * */15")
@app.task(name="billing.sweep_open_calls", queueing_lock="billing.sweep_open_calls")
def sweep_calls(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Settles open calls; safe to run twice at once, since a call is settled once under its row's lock."""
    sweep_open_calls()
