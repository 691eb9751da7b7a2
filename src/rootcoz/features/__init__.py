"""What people do with analyses, one module a noun. None knows another; they meet in a route or a task."""
