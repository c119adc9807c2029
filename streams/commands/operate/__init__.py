"""The commands that run and watch a deployment."""
