"""Steps from one schema to the next; see `activeloop.store.migrate`."""
