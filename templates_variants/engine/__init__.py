"""The template's own code, which bakes repos and updates them."""
