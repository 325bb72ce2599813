-- What became of a first draft: the platform message that shows it, or that it was not taken, so that its mark is lifted.
-- Returns 1, or 0 if its reply was sent meanwhile or another one is being written.
-- KEYS: hash    ARGV: reply draft ('': not taken)
local stored = redis.call('HGET', KEYS[1], 'draft')
if not stored or cjson.decode(stored).reply ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'draft', ARGV[2]) else redis.call('HDEL', KEYS[1], 'draft') end
redis.call('HDEL', KEYS[1], 'draft_at')
return 1
