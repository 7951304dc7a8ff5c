"""Learners on NumPy and scikit-learn, and the gate that chooses among them."""
