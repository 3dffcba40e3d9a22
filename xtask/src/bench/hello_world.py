"""Sanic's hello world, as its own documentation has it, in its fastest form: what the page's API is measured against."""

import sys

from sanic import Sanic
from sanic.response import text

app = Sanic("hello")


@app.get("/")
async def hello(_):
    return text("Hello, world.")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), fast=True, access_log=False, debug=False, motd=False)
