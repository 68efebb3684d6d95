"""Texts of files and streams to vectors, and the nearest of them: what commands and servers call.

`files.embed_files` and `search.search_file` work on files, `embedder.embed_batches` on Arrow record
batches. Files are read and written in `embedpipe.frames.files`. This package imports nothing heavy
before it is used.
"""
