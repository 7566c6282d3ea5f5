"""What shoppers are told by e-mail: noticed in the log, written in their language, handed over."""
