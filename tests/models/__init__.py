"""Model servers as they are: a folder for each, with what it sends (`*.sse`, `*.json`) and what a client sees of it.

`server.toml` lists the wires: the file, what differs from OpenAI, where this was reported (or `synthetic`), and what a
client must see. `docs/models.md` shows the list; `make tables` writes it.
"""
