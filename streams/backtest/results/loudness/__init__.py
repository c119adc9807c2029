"""How loud rules will be: their alerts per day and principal, budgets, and what one of two rules says alone (U13)."""
