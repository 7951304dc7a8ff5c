"""The suites that write `docs/results`: `python -m benchmarks SUITE` in a clone of the repository."""
