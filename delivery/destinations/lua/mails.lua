-- Takes allowances for mails: name, burst, per second, wanted.
-- Answers: taken, and where that is none the milliseconds until there is one.
local key = prefix .. 'mails:' .. ARGV[2]
local burst, rate = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = numbers(redis.call('GET', key))
local passed = math.max(now - (kept[2] or now), 0) -- a clock may be set back
local used = math.max((kept[1] or 0) - passed * rate, 0)
local taken = math.max(math.min(tonumber(ARGV[5]), math.floor(burst - used + 1e-9)), 0)
redis.call('SET', key, string.format('%.9f %.6f', used + taken, now), 'EX', 120)
if taken > 0 then return { taken, 0 } end
return { 0, math.ceil((used + 1 - burst) / rate * 1000) }
