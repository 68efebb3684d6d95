"""Folders, zip and tar archives as one tree of files; nothing is unpacked."""
