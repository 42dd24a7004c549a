-- This process has nothing any more.
return redis.call('ZREM', prefix .. 'workers', me)
