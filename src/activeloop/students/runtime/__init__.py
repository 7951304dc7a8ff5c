"""Reads and runs an exported student with NumPy and onnxruntime alone."""
