"""`make containers`: what runs in containers, built and tried as its operator would: the demo, and a server's life."""
