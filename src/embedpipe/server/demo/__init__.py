"""The page at `/`: what the pipeline sees in a text, and what its vectors say."""
