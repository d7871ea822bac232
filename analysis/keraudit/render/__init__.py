"""Records to text, JSON, CSV, Markdown, HTML and figures. Nothing is counted here."""
