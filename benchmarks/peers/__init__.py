"""What the platform is measured beside, each a project of its own."""
