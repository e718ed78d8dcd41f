"""Updates a generated repo: plans each file, applies the plan, and can take it back."""
