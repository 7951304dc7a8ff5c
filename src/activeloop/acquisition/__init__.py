"""Which candidates to test next: scores, and the choice of a batch from them."""
