"""How much is tried in this run, as the environment says: `make test` tries a little, `make converge` all."""

import os

# CONVERGE is `all`, or how many sequences of each story; CONVERGE_SHARE=0/2 is the first half of everything.
WANTED = os.environ.get("CONVERGE", "6")
AT_MOST = None if WANTED == "all" else int(WANTED)
SEED = os.environ.get("CONVERGE_SEED", "20260826")
SHARE, SHARES = (int(number) for number in os.environ.get("CONVERGE_SHARE", "0/1").split("/"))
