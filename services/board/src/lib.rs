//! The words that every part of cpy-gateway shares.
