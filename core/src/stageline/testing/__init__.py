"""What a third party needs to prove a store or test its own code: contracts, fakes that behave, a clock."""
