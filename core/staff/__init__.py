"""Who may act in the admin: roles, sign-in with a second factor, lockout, sessions, and the record of all of it."""
