"""`make bench`: how fast deliveries are handled, against the database and the server alone."""
