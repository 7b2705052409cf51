-- begin: fetched -> started. Asked before every assured job, in the one round trip it costs.
--
-- KEYS[1] alive       ZSET    instance id -> last heartbeat, ms
-- KEYS[2] dead        ZSET    instance id -> died at, ms
-- KEYS[3] buried      ZSET    instance id -> buried at, ms
-- KEYS[4] entries     HASH    delivery -> "<started ms> <fence> <token> <suspect 0|1> <JSON>", of this instance
-- KEYS[5] owners      HASH    delivery -> "<instance id> <token> <ack set>"
-- KEYS[6] successors  HASH    delivery -> "begun", or lines of "<id> <payload hash>"
-- KEYS[7] fence       STRING  the last fence given out
-- KEYS[8] job         HASH    crashes, suspicions, limit, last_instance: of this message id, where it met a death
-- KEYS[9] done        STRING  how the delivery ended, where its payload outlived its ack
-- KEYS[10] acks       SET     this incarnation's ack set of the queue (Dramatiq's)
-- KEYS[11] msgs       HASH    delivery -> payload (Dramatiq's)
-- KEYS[12] suspects   SET     deliveries of the suspects this instance runs
-- ARGV[1] instance id      ARGV[2] delivery      ARGV[3] token, fresh for each start
-- ARGV[4] entry, JSON      ARGV[5] max_crashes   ARGV[6] delivery this one is a retry of, or ""
-- ARGV[7] "again" to record a job that runs already: the store lost its data, or could not be asked
-- ARGV[8] id under which a delayed message goes on into its queue, or ""   ARGV[9] payload hash it goes into
-- ARGV[10] "observe" to refuse nothing but the fenced, or ""   ARGV[11] prefix of the entries
--
-- Returns one of
--   {"run", crashes, fence, started ms, last instance or "", what observe kept from being said or ""}
--                         recorded: start it
--   {"taken"}             no longer ours, or running elsewhere: drop it, do not ack
--   {"gone"}              no longer ours, and its payload is nowhere: finished elsewhere, or the store lost it
--   {"finished", how}     it ended already: ack ("ack") or reject ("nack") what is left of it
--   {"hold", crashes}     the cap is reached: into custody with it
--   {"wait"}              a suspect, and this instance runs one already: later, or elsewhere
--   {"fenced"}            this incarnation has been declared dead
--   {"unknown"}           this incarnation is not registered
-- Asked twice with one token it answers the same: a blind retry starts nothing twice.
local alive, dead, buried, entries, owners, successors = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local fence_key, job, done, acks, msgs, suspects = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, delivery, token, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local max_crashes, predecessor, again = tonumber(ARGV[5]), ARGV[6], ARGV[7] == 'again'
local successor, successor_msgs, observing, entries_prefix = ARGV[8], ARGV[9], ARGV[10] == 'observe', ARGV[11]

--- include is_aboard
if not redis.call('ZSCORE', alive, id) then
  if redis.call('ZSCORE', dead, id) or redis.call('ZSCORE', buried, id) then
    return {'fenced'}
  end
  return {'unknown'}
end

local crashes, suspicions, limit, last =
  unpack(redis.call('HMGET', job, 'crashes', 'suspicions', 'limit', 'last_instance'))
crashes = tonumber(crashes) or 0
-- It was running when a worker died. A delayed message on its way into its queue can kill nobody.
local suspect = (crashes > 0 or (tonumber(suspicions) or 0) > 0) and successor == ''
local cap = math.max(max_crashes, tonumber(limit) or 0)

local owner = redis.call('HGET', owners, delivery)
local owner_id, owner_token, owner_acks
if owner then
  owner_id, owner_token, owner_acks = string.match(owner, '^(%S+) (%S+) (.*)$')
end
if owner_id == id and owner_token == token then
  local started, fence = string.match(redis.call('HGET', entries, delivery) or '', '^(%d+) (%d+) ')
  if #(started or '') > 16 or #(fence or '') > 16 then
    started, fence = nil, nil
  end
  return {'run', crashes, fence or '0', started or '0', last or '', ''}
end

local function refusal()
  if again then
    return owner and {'taken'}
  end
  if redis.call('SISMEMBER', acks, delivery) == 0 then
    return {redis.call('HEXISTS', msgs, delivery) == 1 and 'taken' or 'gone'}
  end
  local ended = redis.call('GET', done)
  if ended ~= 'ack' and ended ~= 'nack' then
    ended = false -- none of ours: whatever it is, it must not end a job
  end
  if ended or redis.call('HEXISTS', msgs, delivery) == 0 then
    return {'finished', ended or 'ack'}
  end
  if owner_id == id then
    return {'taken'} -- another thread of ours runs it; its ack will find the id where it is
  end
  if owner_id and (redis.call('ZSCORE', alive, owner_id) or redis.call('ZSCORE', dead, owner_id)) then
    if not observing then
      -- Someone put the id back while its owner still ran it, or before the owner's death was settled.
      -- Back into the owner's ack set: the living owner's ack then finds it, a dead one's recovery judges it.
      redis.call('SMOVE', acks, owner_acks, delivery)
    end
    return {'taken'}
  end
  if crashes >= cap then
    return {'hold', crashes}
  end
  for _, other in ipairs(suspect and redis.call('SMEMBERS', suspects) or {}) do
    if other ~= delivery and is_aboard(other, entries, owners) then
      return {'wait'} -- so that the next death here can be only one suspect's
    end
  end
end

local refused = refusal()
if refused and (again or not observing) then
  return refused
end
if owner_id and owner_id ~= id then
  redis.call('HDEL', entries_prefix .. owner_id, delivery) -- observed: it runs a second time, and this one counts
end

local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
-- Ever growing, also where the store lost its counter or its clock was set back.
local given = tonumber(redis.call('GET', fence_key)) or 0
if not (given >= 0 and given < 2 ^ 53 - 1) then
  given = 0 -- none of ours: no number, or one that nothing can be added to
end
local fence = math.max(micros, given + 1)
fence = string.format('%.0f', fence)
local started = string.format('%.0f', math.floor(micros / 1000))
if suspect then
  redis.call('SADD', suspects, delivery) -- beside another one, where an outage let both in
end
redis.call('SET', fence_key, fence)
redis.call('HSET', entries, delivery, table.concat({started, fence, token, suspect and 1 or 0, entry}, ' '))
redis.call('HSET', owners, delivery, id .. ' ' .. token .. ' ' .. acks)
if successor ~= '' then
  redis.call('HSET', successors, delivery, successor .. ' ' .. successor_msgs .. '\n')
end
if predecessor ~= '' and redis.call('HEXISTS', owners, predecessor) == 1 then
  redis.call('HSET', successors, predecessor, 'begun')
end
return {'run', crashes, fence, started, last or '', refused and refused[1] or ''}
