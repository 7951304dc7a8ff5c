"""ActiveLoop: decide what to measure next."""

__version__ = "0.1.0"
