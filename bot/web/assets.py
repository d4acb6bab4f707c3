"""The pages' files: templates, and static assets under a name that changes with their content.

All assets stand below one folder named after the digest of them all, so that modules and style sheets can refer to
each other by relative addresses and be kept by browsers for ever. A later page (a gallery, a mask painter) brings its
own template and files and finds the common ones beside them.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path

import jinja2
from aiohttp import web

HERE = Path(__file__).parent
FOR_EVER = "public, max-age=31536000, immutable"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class Asset:
    """One static file in memory, as it is and compressed."""

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.packed = gzip.compress(self.body, mtime=0)
        guess = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        self.media_type = guess or "application/octet-stream"


class Assets:
    """Everything that the pages are made of; read once."""

    def __init__(self, folder: Path = HERE) -> None:
        paths = sorted(path for path in (folder / "static").iterdir() if path.is_file())
        self._files = {path.name: Asset(path) for path in paths}
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.body + b"\0")
        self.version = digest.hexdigest()[:16]
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        self._templates.globals["asset"] = self.url

    def url(self, name: str) -> str:
        """Return the address of an asset. Raises `KeyError` for one that does not exist."""
        return f"/static/{self.version}/{name}" if name in self._files else self._missing(name)

    def page(self, template: str, **values: object) -> str:
        """Return a page's HTML."""
        return self._templates.get_template(template).render(**values)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer GET /static/{version}/{name}. A page of an older version gets the newest file, but not to keep."""
        asset = self._files.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        current = request.match_info["version"] == self.version
        headers = {"Cache-Control": FOR_EVER if current else "no-store", "Vary": "Accept-Encoding"}
        body = asset.body
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = asset.packed, "gzip"
        charset = "utf-8" if asset.media_type.startswith("text/") else None
        return web.Response(body=body, content_type=asset.media_type, charset=charset, headers=headers)

    @staticmethod
    def _missing(name: str) -> str:
        raise KeyError(name)
