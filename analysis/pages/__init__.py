"""The web report: Markdown written from live audits while mkdocs builds ``site/``."""
