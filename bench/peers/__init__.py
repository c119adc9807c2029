"""What the worker is measured beside: the same work, as competent users of other libraries would write it."""
