"""The commands that show what a deployment has found and remembers."""
