"""sentence-transformers behind FastAPI, as many write it: what `server.py` compares with.

    python benchmarks/fastapi_server.py FOLDER PORT

It imports nothing of embedpipe, so that any environment with fastapi, uvicorn and
sentence-transformers can run it.
"""

from __future__ import annotations

import sys
from typing import Any


def main(folder: str, port: int) -> None:
    """Serve OpenAI's embeddings API over one model."""
    import uvicorn
    from fastapi import FastAPI
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    app = FastAPI()

    def embeddings(body: dict[str, Any]) -> dict[str, Any]:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = model.encode(texts).tolist()  # FastAPI calls what is no coroutine in threads
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        return {"object": "list", "data": data, "model": folder}

    app.post("/v1/embeddings")(embeddings)
    uvicorn.run(app, port=port)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
