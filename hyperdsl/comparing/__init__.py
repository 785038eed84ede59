"""What differs in meaning between two specs: checked models are compared, field by field, and not texts."""
