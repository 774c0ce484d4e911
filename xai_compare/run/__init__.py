"""A run: plan, job graph, execution, journal. The only room that knows of caching, chunks and failing jobs."""
