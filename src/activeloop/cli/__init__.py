"""The command line: thin verbs, one method each."""
