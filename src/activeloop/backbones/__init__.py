"""From candidates to features: encoders that need no download."""
