"""What `ros-sync demo` plays: an invented company, through a week, on a CRM and a Slack of its own."""
