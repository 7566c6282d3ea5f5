"""Orders by the million, for measuring: stories are told, folded as replay folds them, and written by COPY."""
