"""The topics that rootwatch needs, and the rights on them: what they must be, and what the cluster has."""
