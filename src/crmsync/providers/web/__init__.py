"""What calls web APIs: HTTP, calls by table of errors, batches, pacing, tokens and a person's consent."""
