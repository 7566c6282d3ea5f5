"""What may happen to an order: each function looks at the rows and a command, refuses, or returns the facts."""
