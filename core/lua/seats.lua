-- A worker says how many seats it has; it says so again and again while it lives. Returns 1.
-- KEYS: seats    ARGV: worker count alive_ms keep_ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. now + ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
