"""Evidence: public data sets, planted landscapes, campaigns answered by recorded data, reports."""
