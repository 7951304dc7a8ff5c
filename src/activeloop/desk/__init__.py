"""The use cases: what a person wants of a campaign, typed in and typed out; a verb prints it."""
