from procrastinate.contrib.django import app

from orders.services.expiring import cancel_stale_orders


@app.periodic(cron="*/10 * * * *")
@app.task(name="orders.cancel_stale_orders", queueing_lock="orders.cancel_stale_orders")
def cancel_stale(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Cancels orders that nobody pays."""
    cancel_stale_orders()
