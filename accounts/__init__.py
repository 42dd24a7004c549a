"""Who may call us and how they are answered."""
