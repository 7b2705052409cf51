-- observe: started -> (nobody's), for what a worker held that would be dead: its crash is charged and its entry dropped,
-- so that counts are true. The delivery itself stays where it is: Dramatiq's own maintenance brings it back.
--
-- KEYS[1] alive ZSET  instance id -> last heartbeat, ms   KEYS[2] observed ZSET  instance id -> seen dead at, ms
-- KEYS[3] entries HASH of this instance   KEYS[4] owners HASH   KEYS[5] successors HASH   delivery -> ...
-- KEYS[6] msgs HASH  delivery -> payload (Dramatiq's)
-- KEYS[7+i] job HASH  crash record, of the i-th delivery
-- ARGV[1] instance id   ARGV[2] last heartbeat the judge saw, ms   ARGV[3] seconds a crash record lives
-- then for each delivery:
-- ARGV[4+5i] delivery   ARGV[5+5i] entry as the judge saw it   ARGV[6+5i] count to charge, or ""
-- ARGV[7+5i] that count as the judge saw it   ARGV[8+5i] history, JSON
--
-- Returns for each delivery "charged"; "settled" (it had ended, or its retry is under way); "changed" (judge it again);
-- or "alive" (its worker beats again).
local alive, observed, entries, owners, successors, msgs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, seen_beat, memory = ARGV[1], tonumber(ARGV[2]), ARGV[3]

--- include expect
--- include retry_under_way
local beat = redis.call('ZSCORE', alive, id)
local is_dead = redis.call('ZSCORE', observed, id) and beat and tonumber(beat) == seen_beat

local function observe(i)
  local at = 4 + i * 5
  local delivery, entry, count = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local seen, history, job = tonumber(ARGV[at + 3]), ARGV[at + 4], KEYS[7 + i]
  expect('hash', job)
  if not is_dead then
    return 'alive'
  end
  if (redis.call('HGET', entries, delivery) or '') ~= entry then
    return 'changed'
  end
  if count ~= '' and (tonumber(redis.call('HGET', job, count)) or 0) ~= seen then
    return 'changed'
  end
  local under_way = retry_under_way(redis.call('HGET', successors, delivery))
  redis.call('HDEL', entries, delivery)
  redis.call('HDEL', owners, delivery)
  redis.call('HDEL', successors, delivery)
  if under_way or redis.call('HEXISTS', msgs, delivery) == 0 then
    return 'settled'
  end
  if count ~= '' then
    redis.call('HSET', job, count, seen + 1)
    redis.call('HSET', job, 'last_instance', id, 'history', history)
    redis.call('EXPIRE', job, memory)
  end
  return 'charged'
end

local words = {}
for i = 0, (#ARGV - 3) / 5 - 1 do
  words[i + 1] = observe(i)
end
return words
