-- look: reads everything a judge needs in one consistent moment. Writes nothing.
--
-- KEYS[1] alive     ZSET  instance id -> last heartbeat, ms
-- KEYS[2] dead      ZSET  instance id -> died at, ms
-- KEYS[3] vitals    HASH  instance id -> "<run_id> <draining> <signs>"
-- KEYS[4] deferred  ZSET  delivery -> due at, ms
-- KEYS[5] released  ZSET  delivery -> released at, ms
-- KEYS[6] owners    HASH  delivery -> "<instance id> <token> <ack set>"
-- KEYS[7] observed  ZSET  instance id -> seen dead at, ms
-- ARGV[1] prefix of the presence channels   ARGV[2] prefix of the entries   ARGV[3] prefix of the suspects
--
-- Returns {now ms, run_id or "-", server uptime s or -1, deliveries due,
--          {id, last heartbeat, vitals, subscribers or -1, {suspect, ...}, ...} of the living, {id, started jobs not settled, ...} of the dead}.
local alive, dead, vitals, deferred, released, owners, observed = unpack(KEYS)
local channel_prefix, entries_prefix, suspects_prefix = ARGV[1], ARGV[2], ARGV[3]

--- include is_aboard
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.pcall('INFO', 'server')
local run_id, uptime = '-', '-1'
if type(info) == 'string' then
  run_id = string.match(info, 'run_id:(%x+)') or '-'
  uptime = string.match(info, 'uptime_in_seconds:(%d+)') or '-1'
end

local living = {}
local scored = redis.call('ZRANGE', alive, 0, -1, 'WITHSCORES')
for i = 1, #scored, 2 do
  local id = scored[i]
  local count = redis.pcall('PUBSUB', 'NUMSUB', channel_prefix .. id)
  living[#living + 1] = id
  living[#living + 1] = scored[i + 1]
  living[#living + 1] = redis.call('HGET', vitals, id) or '- 0'
  living[#living + 1] = tostring(count[2] or -1)
  -- One that has left spares nobody. Of who is observed dead it was aboard at the death, though its entry is settled. A
  -- foreign value is complained about where this instance alone is concerned.
  local suspects = {}
  for _, delivery in ipairs(redis.pcall('SMEMBERS', suspects_prefix .. id)) do
    if redis.call('ZSCORE', observed, id) or is_aboard(delivery, entries_prefix .. id, owners) then
      suspects[#suspects + 1] = delivery
    end
  end
  living[#living + 1] = suspects
end

local gone = {}
for _, id in ipairs(redis.call('ZRANGE', dead, 0, -1)) do
  gone[#gone + 1] = id
  gone[#gone + 1] = redis.call('HLEN', entries_prefix .. id)
end

local due = redis.call('ZCOUNT', deferred, '-inf', now) + redis.call('ZCARD', released)
return {now, run_id, uptime, due, living, gone}
