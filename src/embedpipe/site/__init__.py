"""The hub as a static site: a page to find models, and one page per model of the catalog."""

from embedpipe.site.building import build_hub

__all__ = ["build_hub"]
