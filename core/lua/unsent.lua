-- Begin to send: the first reply in a conversation's outbox, and what of it is already on the platform.
-- Returns {fence, reply, shown, draft}; with nothing to send the conversation leaves the queue.
-- KEYS: hash out due    ARGV: conversation
local reply = redis.call('LINDEX', KEYS[2], 0)
if not reply then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return {0, '', '', ''}
end
local fence = redis.call('HINCRBY', KEYS[1], 'out_fence', 1)
return {fence, reply, redis.call('HGET', KEYS[1], 'shown') or '', redis.call('HGET', KEYS[1], 'draft') or ''}
