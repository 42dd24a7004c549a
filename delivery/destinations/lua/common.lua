-- What the scripts share. KEYS[1] is the prefix of all keys, ARGV[1] the process that calls.
--
--   workers       sorted set: each process, by when its lease on all that it holds ends; and EPOCH,
--                 by when this Redis began to count, or began anew after it forgot
--   level:<name>  string: "level changed_at successes", of a destination below its limit
--   held:<name>   hash: process -> "version connections wanted_at"
--   mails:<name>  string: "used at", a bucket of allowances
local prefix, me = KEYS[1], ARGV[1]
local LEASE, KEPT, WANTED, RECALL = 20, 60, 3, 3 -- seconds
local STORM, RISE, STEPS, FORGIVEN = 5, 15, 20, 3600 -- as in level.py
local EPOCH, LATE = '', 1e11 -- after all leases
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000

local function alive()
  redis.call('ZREMRANGEBYSCORE', prefix .. 'workers', '-inf', now)
  redis.call('ZADD', prefix .. 'workers', now + LEASE, me)
  redis.call('ZADD', prefix .. 'workers', 'NX', LATE + now, EPOCH)
  return redis.call('ZCARD', prefix .. 'workers') - 1
end

-- Whether what others hold may not be told yet: they tell it every second.
local function recalling()
  return now - (redis.call('ZSCORE', prefix .. 'workers', EPOCH) - LATE) < RECALL
end

local function numbers(text)
  local found = {}
  for word in string.gmatch(text or '', '%S+') do found[#found + 1] = tonumber(word) end
  return found
end

local function set_level(name, level, most, successes, changed)
  local left = math.ceil(changed + FORGIVEN - now)
  if level >= most or left <= 0 then
    redis.call('DEL', prefix .. 'level:' .. name)
  else
    local text = level .. ' ' .. changed .. ' ' .. successes
    redis.call('SET', prefix .. 'level:' .. name, text, 'EX', left)
  end
end

local function level_of(name, most)
  local kept = numbers(redis.call('GET', prefix .. 'level:' .. name))
  if not kept[1] then return most, 0, 0 end
  return math.min(kept[1], most), kept[2], kept[3]
end

-- What the other processes hold, whether one of them waits for more, and how many share with us.
local function others_of(name)
  local open, waiting, sharing, mine = 0, false, 1, {}
  local held = redis.call('HGETALL', prefix .. 'held:' .. name)
  for i = 1, #held, 2 do
    local theirs = numbers(held[i + 1])
    if held[i] == me then
      mine = theirs
    elseif redis.call('ZSCORE', prefix .. 'workers', held[i]) then
      local wants = now - theirs[3] < WANTED
      open = open + theirs[2]
      waiting = waiting or wants
      if theirs[2] > 0 or wants then sharing = sharing + 1 end
    else
      redis.call('HDEL', prefix .. 'held:' .. name, held[i])
    end
  end
  return open, waiting, sharing, mine
end

-- Messages of one process may overtake each other: the newest tells what it holds.
local function hold(name, mine, version, open, wanted)
  local key = prefix .. 'held:' .. name
  if mine[1] and mine[1] >= version then return end
  if open == 0 and now - wanted >= WANTED then
    redis.call('HDEL', key, me)
  else
    redis.call('HSET', key, me, version .. ' ' .. open .. ' ' .. wanted)
    redis.call('EXPIRE', key, KEPT)
  end
end

-- How many this process may have, that has `open` now.
local function share_of(level, open, others, waiting, sharing)
  local over = open + others - level
  if over > 0 then return math.max(math.floor(level / sharing), open - over) end
  if waiting then return math.max(math.ceil(level / sharing), 1) end
  return level
end
