-- Asks for connections: name, most, version, open, wanted, workers and others as last seen.
-- Answers: workers, 1 if others may not have told yet, granted, level, share, others,
-- 1 if another process waits.
local name, most, version = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local open, want = tonumber(ARGV[5]), tonumber(ARGV[6])
local workers = alive()
local level = level_of(name, most)
local others, waiting, sharing, mine = others_of(name)
local room = level - open - others
if waiting then room = math.min(room, math.ceil(level / sharing) - open) end
local recall = recalling()
if recall then -- what the process remembers counts, as if nothing had been forgotten
  others = math.max(others, tonumber(ARGV[8]))
  local most_workers = math.max(workers, tonumber(ARGV[7]))
  room = math.min(level - open - others, math.floor(level / most_workers) - open)
end
local granted = math.max(math.min(want, room), 0)
hold(name, mine, version, open + granted, granted < want and now or 0)
local share = share_of(level, open + granted, others, waiting, sharing)
return { workers, recall and 1 or 0, granted, level, share, others, waiting and 1 or 0 }
