-- claim: deferred (due) or released -> deferred, due again when the claim runs out. Whoever claims a delivery has
-- that long to call `before_hand_back` and to release it; a claim whose claimer died is claimable again.
--
-- KEYS[1] deferred  ZSET  delivery -> due at, ms
-- KEYS[2] released  ZSET  delivery -> released at, ms
-- ARGV[1] milliseconds the claim lasts
-- ARGV[2...] deliveries
--
-- Returns for each delivery when its claim runs out, in ms, or 0: not due, or another hand was first.
local deferred, released = KEYS[1], KEYS[2]
local patience = tonumber(ARGV[1])

--- include expect
expect('zset', deferred)
expect('zset', released)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local claims = {}
for i = 2, #ARGV do
  local due = redis.call('ZSCORE', deferred, ARGV[i])
  local waits = redis.call('ZREM', released, ARGV[i]) == 1 or (due and tonumber(due) <= now)
  claims[i - 1] = 0
  if waits then
    redis.call('ZADD', deferred, now + patience, ARGV[i])
    claims[i - 1] = now + patience
  end
end
return claims
