"""Widgets that pages share. Nothing here computes: it asks, draws and remembers."""
