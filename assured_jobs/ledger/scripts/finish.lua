-- finish: started -> gone. Sent after Dramatiq's ack or nack, for one delivery that this token began.
--
-- KEYS[1] alive       ZSET    instance id -> last heartbeat, ms
-- KEYS[2] entries     HASH    delivery -> entry, of this instance
-- KEYS[3] owners      HASH    delivery -> "<instance id> <token> <ack set>"
-- KEYS[4] successors  HASH    delivery -> its retry's whereabouts
-- KEYS[5] job         HASH    crash record of this message id
-- KEYS[6] done        STRING  how the delivery ended
-- KEYS[7] acks        SET     KEYS[8] msgs HASH    KEYS[9] xq ZSET    KEYS[10] xq msgs HASH
-- KEYS[11] queue LIST  (Dramatiq's)   KEYS[12] suspects SET  deliveries of the suspects it runs
-- ARGV[1] instance id   ARGV[2] delivery   ARGV[3] token
-- ARGV[4] "ack" done, "retry" acked because a retry was enqueued, "nack" dead-lettered, "again" not acked
--         because its retry could not be enqueued: back into the queue, unless the retry is there after all
-- ARGV[5] seconds the done marker lives   ARGV[6] lines of "<id> <payload hash>": the retries it sent
-- ARGV[7] "observe" to leave alone what is Dramatiq's
--
-- Returns 1 finished; 0 nothing to finish (its reply was lost before, or the store lost its data); -1 the job
-- is no longer this instance's: a late finish. Neither of the two changes anything.
local alive, entries, owners, successors, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local done, acks, msgs, xq, xq_msgs, queue = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local suspects = KEYS[12]
local id, delivery, token, how, memory, sent = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local observing = ARGV[7] == 'observe'

--- include expect
--- include retry_under_way
for _, key in ipairs({entries, owners, successors}) do
  expect('hash', key)
end
expect('set', suspects)
local prefix = id .. ' ' .. token .. ' '
local owner = redis.call('HGET', owners, delivery)
if not redis.call('ZSCORE', alive, id) then
  return -1
end
if owner and string.sub(owner, 1, #prefix) ~= prefix then
  return -1
end
if not owner and how ~= 'again' then
  return 0
end
if how == 'again' then
  expect('list', queue)
  if retry_under_way(redis.call('HGET', successors, delivery)) or retry_under_way(sent) then
    how = 'retry' -- only the reply to its enqueue was lost
  end
end
redis.call('HDEL', entries, delivery)
redis.call('HDEL', owners, delivery)
redis.call('HDEL', successors, delivery)
redis.call('SREM', suspects, delivery)
if observing then
  if how == 'ack' or how == 'nack' then
    redis.call('DEL', job)
  end
  return 1
end
if how == 'again' then
  if redis.call('SREM', acks, delivery) == 1 and redis.call('HEXISTS', msgs, delivery) == 1 then
    redis.call('RPUSH', queue, delivery)
  end
  return 1
end
if how ~= 'retry' then
  redis.call('DEL', job)
end

-- The payload outlived the ack: the ack timed out, or someone had taken the id out of our ack set.
local payload = redis.call('HGET', msgs, delivery)
if payload then
  local ending = how == 'nack' and 'nack' or 'ack'
  if redis.call('SREM', acks, delivery) == 0 then
    redis.call('SET', done, ending, 'EX', memory) -- it is in the queue or in other hands: begin will say so
  else
    if ending == 'nack' then
      local time = redis.call('TIME')
      redis.call('ZADD', xq, time[1] * 1000 + math.floor(time[2] / 1000), delivery)
      redis.call('HSET', xq_msgs, delivery, payload)
    end
    redis.call('HDEL', msgs, delivery)
  end
end
return 1
