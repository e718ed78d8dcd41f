"""Updates a generated repo: plans each file, applies the plan, and can roll it back."""
