-- release: deferred (due) or released -> queue, at the front. What waited comes back, once.
--
-- KEYS[1] deferred  ZSET  delivery -> due at, ms
-- KEYS[2] released  ZSET  delivery -> released at, ms
-- KEYS[3] orphans   HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- KEYS[4+4i] queue LIST  KEYS[5+4i] msgs HASH (Dramatiq's)
-- KEYS[6+4i] custody SET  KEYS[7+4i] job HASH, of the i-th delivery
-- ARGV[1] seconds a crash record lives
-- ARGV[2+2i] delivery   ARGV[3+2i] when its claim runs out, as `claim` said, or 0: of the i-th delivery
--
-- Returns for each delivery "handed_back", "settled" (its payload is gone: purged), "waiting" (not due
-- yet, or claimed by another hand) or "gone" (another hand was first).
local deferred, released, orphans = KEYS[1], KEYS[2], KEYS[3]
local memory = ARGV[1]

--- include expect
expect('hash', orphans)
expect('zset', deferred)
expect('zset', released)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function release(i, delivery, claimed_until)
  local queue, msgs, custody, job = KEYS[4 + i * 4], KEYS[5 + i * 4], KEYS[6 + i * 4], KEYS[7 + i * 4]
  expect('list', queue)
  expect('hash', msgs)
  expect('set', custody)
  local due = redis.call('ZSCORE', deferred, delivery)
  if due and tonumber(due) > now and tonumber(due) ~= tonumber(claimed_until) then
    return 'waiting'
  end
  if redis.call('ZREM', deferred, delivery) + redis.call('ZREM', released, delivery) == 0 then
    return 'gone'
  end
  redis.call('HDEL', orphans, delivery)
  redis.call('SREM', custody, delivery)
  if redis.call('EXISTS', job) == 1 then
    redis.call('EXPIRE', job, memory)
  end
  if redis.call('HEXISTS', msgs, delivery) == 0 then
    return 'settled'
  end
  redis.call('LPUSH', queue, delivery)
  return 'handed_back'
end

local words = {}
for i = 0, (#ARGV - 1) / 2 - 1 do
  words[i + 1] = release(i, ARGV[2 + i * 2], ARGV[3 + i * 2])
end
return words
