-- Record the platform message that shows a reply while it is being written. Returns 1, or 0 if there is no conversation.
-- KEYS: hash    ARGV: draft
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'draft', ARGV[1])
return 1
