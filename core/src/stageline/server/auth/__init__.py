"""Who may come in: tokens kept in the store, those of an identity provider, and what each may do."""
