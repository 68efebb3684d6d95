"""What readers of untrusted files share: whole files, strict JSON, protocol buffers.

What the contents mean to a model stands in `formats` and `subword`.
"""
