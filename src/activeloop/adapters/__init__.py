"""Which weights of a frozen foundation model learn."""
