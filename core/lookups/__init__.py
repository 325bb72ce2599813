"""Look-ups: read-only questions to a shop's own API, asked on behalf of a shopper. Other parts use core.lookups.base."""
