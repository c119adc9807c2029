"""The alert of something new: its fields and its reason, and how many of them a group may have."""
