-- Give up what only one process at a time may have. Returns 1 if it was ours, else 0.
-- KEYS: holder    ARGV: me
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
