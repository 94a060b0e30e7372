//! Doubles and the conformance suite for engines.
