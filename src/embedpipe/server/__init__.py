"""The HTTP server: OpenAI's and text-embeddings-inference's API over models, and saved pipelines.

A layer beside the commands: it opens models and pipelines as they do. `create_app` makes an ASGI
application, `serve` runs it.
"""

from embedpipe.server.app import create_app
from embedpipe.server.hosted import Hosted
from embedpipe.server.running import Served, serve
from embedpipe.server.settings import Limits, ServerSettings

__all__ = ["Hosted", "Limits", "Served", "ServerSettings", "create_app", "serve"]
