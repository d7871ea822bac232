"""The file that ``streamlit run`` is given; alone in its folder, which Streamlit puts on the path."""
