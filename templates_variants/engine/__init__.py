"""The template's own code, which makes repos and updates them."""
