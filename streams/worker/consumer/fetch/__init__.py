"""From a broker's answer to a fetch to the records that may match."""
