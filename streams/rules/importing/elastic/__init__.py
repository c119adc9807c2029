"""What is read of a rule of Elastic."""
