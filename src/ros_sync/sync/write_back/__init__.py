"""What people want changed in the CRM, written once."""
