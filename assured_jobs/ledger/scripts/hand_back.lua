-- hand_back: held by the dead -> queue | deferred | held | discarded | settled. The one way out of a dead
-- instance's hands, for one of its queues and a bounded batch of deliveries. Whoever takes the id out of
-- the ack set acts on it; everybody else finds it gone.
--
-- KEYS[1] dead        ZSET  instance id -> died at, ms
-- KEYS[2] entries     HASH  delivery -> entry, of the dead instance
-- KEYS[3] owners      HASH  KEYS[4] successors HASH
-- KEYS[5] orphans     HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- KEYS[6] deferred    ZSET  KEYS[7] held ZSET  KEYS[8] discarded ZSET   delivery -> ms
-- KEYS[9] acks        SET   KEYS[10] queue LIST  KEYS[11] msgs HASH     (Dramatiq's)
-- KEYS[12] turn       STRING  when the next one may come back, ms: only where a rate is set
-- KEYS[13+2i] job     HASH  KEYS[14+2i] custody SET, of the i-th delivery's message id
-- ARGV[1] instance id
-- ARGV[2] seconds a crash record lives   ARGV[3] milliseconds between two that come back, 0 where no rate is set
-- then eight for each delivery:
--   delivery, entry as the judge saw it or "" if never started,
--   action: front | tail | defer | hold | discard, delay in ms,
--   count to charge: crashes | interrupted | handed_back | "", its value as the judge saw it,
--   history as JSON, orphan as JSON
--
-- Returns one word for each delivery:
--   handed_back, deferred, held, discarded   done as told
--   paced        deferred until its turn comes, since a rate is set
--   settled      finished, purged, or its retry is already under way: nothing to bring back
--   elsewhere    started, and back in the queue by another hand: judged when it is next fetched
--   gone         never started, and taken by another hand
--   changed      not as the judge saw it: judge again
--   alive        the instance is not dead
local dead, entries, owners, successors, orphans = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deferred, held, discarded, acks, queue, msgs = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local turn_key, id, memory, gap = KEYS[12], ARGV[1], ARGV[2], tonumber(ARGV[3])

--- include expect
for _, key in ipairs({entries, owners, successors, orphans}) do
  expect('hash', key)
end
for _, key in ipairs({deferred, held, discarded}) do
  expect('zset', key)
end
expect('list', queue)
expect('string', turn_key)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_dead = redis.call('ZSCORE', dead, id)

-- Of a start, not of a fetch: what was only fetched here may have been robbed from one that started it, and has to be
-- told apart from its retry still.
local function forget(delivery, started)
  if started then
    redis.call('HDEL', entries, delivery)
    redis.call('HDEL', owners, delivery)
    redis.call('HDEL', successors, delivery)
  end
end

--- include retry_under_way
-- When it is this one's turn: one at a time, `gap` apart, whichever dead instance held it. Who has to wait for longer
-- than that takes a turn all the same, and keeps nobody waiting.
local function turn()
  if gap == 0 then
    return now
  end
  local mine = tonumber(redis.call('GET', turn_key)) or 0
  if not (mine >= now and mine <= now + redis.call('PTTL', turn_key)) then
    mine = now -- over; or none of ours: that lives until it has passed
  end
  redis.call('SET', turn_key, mine + gap, 'PX', math.ceil(mine + gap - now) + 1000)
  return mine
end

local function hand_back(i)
  local at = 4 + i * 8
  local delivery, entry, action, delay = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local count, seen, history, orphan = ARGV[at + 4], tonumber(ARGV[at + 5]), ARGV[at + 6], ARGV[at + 7]
  local job, custody = KEYS[13 + i * 2], KEYS[14 + i * 2]
  expect('hash', job)
  expect('set', custody)

  if not is_dead then
    return 'alive'
  end
  if (redis.call('HGET', entries, delivery) or '') ~= entry then
    return 'changed'
  end
  if count ~= '' and (tonumber(redis.call('HGET', job, count)) or 0) ~= seen then
    return 'changed'
  end

  local started = entry ~= ''
  if redis.call('HEXISTS', msgs, delivery) == 0 then
    redis.call('SREM', acks, delivery)
    forget(delivery, started)
    return started and 'settled' or 'gone'
  end
  if started and retry_under_way(redis.call('HGET', successors, delivery)) then
    if redis.call('SREM', acks, delivery) == 1 then
      redis.call('HDEL', msgs, delivery)
      forget(delivery, started)
      return 'settled'
    end
    return 'elsewhere'
  end
  if redis.call('SREM', acks, delivery) == 0 then
    return started and 'elsewhere' or 'gone'
  end

  forget(delivery, started)
  if count ~= '' then
    redis.call('HSET', job, count, seen + 1) -- HINCRBY may refuse what stands there: too late, the id is taken out
    redis.call('HSET', job, 'last_instance', id, 'history', history)
    redis.call('EXPIRE', job, memory)
  end
  local due = now
  if action == 'front' or action == 'defer' then
    due = math.max(now + delay, turn())
  end
  if action == 'front' and due == now then
    redis.call('LPUSH', queue, delivery)
    return 'handed_back'
  elseif action == 'tail' then
    redis.call('RPUSH', queue, delivery)
    return 'handed_back'
  end
  redis.call('HSET', orphans, delivery, now .. ' ' .. orphan)
  if action == 'discard' then
    redis.call('HDEL', msgs, delivery)
    redis.call('DEL', job)
    redis.call('ZADD', discarded, now, delivery)
    return 'discarded'
  end
  redis.call('SADD', custody, delivery)
  if action == 'front' or action == 'defer' then
    redis.call('ZADD', deferred, due, delivery)
    return due > now + delay and 'paced' or 'deferred'
  end
  redis.call('ZADD', held, now, delivery)
  redis.call('PERSIST', job) -- a person may come in a month: the count must still be there
  return 'held'
end

local words = {}
for i = 0, (#ARGV - 3) / 8 - 1 do
  words[i + 1] = hand_back(i)
end
return words
