"""Distillation of a model into a small network."""
