"""What is measured on: CloudTrail records, and topics full of them."""
