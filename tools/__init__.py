"""What makes the files that the package ships: `python -m tools.pretrain` and `python -m tools.priors`."""
