from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from webhooks.services import READ_AGAIN_TASK, read_again


@app.task(name=READ_AGAIN_TASK, retry=RetryStrategy(max_attempts=10, exponential_wait=2))
def read_delivery_again(delivery_id: int) -> None:
    read_again(delivery_id=delivery_id)
