"""How the steps of many heads are computed: planned in blocks, by one of four engines."""
