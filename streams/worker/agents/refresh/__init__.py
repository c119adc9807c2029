"""What need not be sent to detection again, because it was a short time ago (U7)."""
