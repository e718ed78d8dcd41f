"""A stand-in for the Sandy API, for `make run` without a sandbox service. The image does not contain it.
Contract file: replaced by updates.

`python -m stand_in` serves on a free port of this machine, prints the variable that names it, and ends when its input
does. A sandbox is a temporary folder. Its agent is a small script, not a model: it writes one file and says so. `exec`
knows three commands and runs no others, since nothing here confines them.
"""
