"""dj-stripe as its documentation sets it up, with nothing around it: a project of its own."""
