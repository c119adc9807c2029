"""The replaying shell: the same pipeline over the past."""
