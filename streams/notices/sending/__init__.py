"""How a notice is sent: the services, their answers, retries, and how far each one has come."""
