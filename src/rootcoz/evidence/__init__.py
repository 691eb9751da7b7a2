"""What supports a finding, and whether it is really there."""
