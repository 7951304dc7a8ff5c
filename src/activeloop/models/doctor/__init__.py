"""Checks of what works on this machine: the installation, and any foundation model."""
