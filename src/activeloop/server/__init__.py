"""The laboratory's server: HTTP API, pages and identity over a store of campaigns."""
