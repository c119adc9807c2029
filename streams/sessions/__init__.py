"""What was done with the credentials that AssumeRoot issued: grants and root actions joined into sessions."""
