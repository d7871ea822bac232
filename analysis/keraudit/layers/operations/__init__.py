"""The functions of ``keras.ops`` that functional models record, one file for each kind."""
