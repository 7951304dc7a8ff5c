"""Where a campaign lives: one database schema, artifacts by content hash."""
