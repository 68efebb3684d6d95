"""Adapters between data frames and streams of Arrow record batches: stages see only batches."""
