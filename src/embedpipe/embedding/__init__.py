"""Embedding and search of files and streams, for the commands and for services.

`files.embed_files` and `search.search_file` work on files, `embedder.embed_batches` on Arrow record
batches. Files are read and written in `embedpipe.frames.files`. This package imports nothing heavy
before it is used.
"""
