"""The operators, by what they work on. A constructor stores, `execute` calls one function of Stageline."""
