-- Tells what this process holds, and that it is alive: for each destination
-- name, most, version, open, level, mails served, 1 after an overload.
-- Answers: workers, 1 if others may not have told yet, then for each level, share, others,
-- 1 if another process waits.
local answers, recall = { alive() }, recalling()
answers[2] = recall and 1 or 0
for i = 2, #ARGV, 7 do
  local name, most, version = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local open, known = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local level, changed, successes = level_of(name, most)
  if recall and changed == 0 and known < level then
    level, changed, successes = known, now, 0
    set_level(name, level, most, successes, changed)
  end
  if ARGV[i + 6] == '1' and (level == most or now - changed >= STORM) then
    level = math.max(math.floor(level / 2), 1)
    set_level(name, level, most, 0, now)
  elseif level < most then
    successes = successes + ARGV[i + 5]
    if successes >= level and now - changed >= RISE then
      level, changed, successes = level + math.max(math.floor(most / STEPS), 1), now, 0
    end
    set_level(name, level, most, successes, changed)
  end
  local others, waiting, sharing, mine = others_of(name)
  hold(name, mine, version, open, mine[3] or 0)
  answers[#answers + 1] = math.min(level, most)
  answers[#answers + 1] = share_of(level, open, others, waiting, sharing)
  answers[#answers + 1] = others
  answers[#answers + 1] = waiting and 1 or 0
end
return answers
