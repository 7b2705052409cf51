-- retry: held or deferred -> released. An operator says: again. It grants exactly one more life.
--
-- KEYS[1] held ZSET  KEYS[2] deferred ZSET  KEYS[3] released ZSET   delivery -> ms
-- KEYS[4] job HASH  crash record of this message id
-- KEYS[5] orphans HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- ARGV[1] delivery   ARGV[2] crashes, as the operator saw them   ARGV[3] orphan, JSON
--
-- Returns "released", "already" (someone said so before), or "gone".
local held, deferred, released, job, orphans = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local delivery, seen, orphan = ARGV[1], tonumber(ARGV[2]), ARGV[3]

--- include expect
expect('hash', job)
expect('hash', orphans)
for _, key in ipairs({held, deferred, released}) do
  expect('zset', key)
end

if redis.call('ZSCORE', released, delivery) then
  return 'already'
end
if redis.call('ZREM', held, delivery) + redis.call('ZREM', deferred, delivery) == 0 then
  return 'gone'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local crashes = tonumber(redis.call('HGET', job, 'crashes')) or seen
redis.call('HSET', job, 'crashes', crashes, 'limit', crashes + 1, 'interrupted', 0)
redis.call('HSET', orphans, delivery, now .. ' ' .. orphan)
redis.call('ZADD', released, now, delivery)
return 'released'
