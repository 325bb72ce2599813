-- The newest lines of a conversation and what waits for an answer, as they stand at one moment.
-- KEYS: log waiting    ARGV: limit
return {redis.call('LRANGE', KEYS[1], -ARGV[1], -1), redis.call('LRANGE', KEYS[2], 0, -1)}
