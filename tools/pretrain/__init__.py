"""Masked-language-model training of small foundation models."""
