"""Yours. An update of the template never touches this folder. Start in agent.py."""
