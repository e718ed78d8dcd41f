"""The template's own code: it bakes repos and updates them."""
