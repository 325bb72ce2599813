-- Have what only one process at a time may have, or keep it. Returns '' if it is ours now, else whose it is.
-- KEYS: holder    ARGV: me ms dead (a holder that is known to have ended; empty: none is)
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''
