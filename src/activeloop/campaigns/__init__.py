"""The loop: what was proposed, measured and fitted, and what follows from it."""
