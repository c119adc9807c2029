"""What became of records like this one: a record that differs only where no rule looks need not be judged again."""
