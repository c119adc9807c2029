"""Takes from a broker's response to a fetch the records that may match."""
