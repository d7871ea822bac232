"""The files that ``streamlit run`` is given: ``server.py``, which serves ``app.py``; Streamlit puts the folder on the path."""
