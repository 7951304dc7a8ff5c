"""What works on this machine, found out by trying: the installation, and any foundation model."""
