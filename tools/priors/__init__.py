"""The tables of the substitution priors, fitted to published scans of single mutants."""
