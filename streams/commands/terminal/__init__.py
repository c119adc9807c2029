"""What the commands share on the terminal: options, tables, lists of checks."""
