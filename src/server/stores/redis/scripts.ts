import { HISTORY_LENGTH } from "../store.ts";

// Each runs as one step of Redis. ARGV[1] is the prefix `user:NAME:`, under which everything of an account lives, so that
// the reference server's own deletion of an account takes our additions (`history:*`, `documents`, `indexed`) with it.

/** ARGV: prefix, whether aliases are followed, names. Gives the account's key, the place of the name that hit, document, fields. */
export const FIND = `
local prefix, follow = ARGV[1], ARGV[2] == "1"
local credential = redis.call("GET", prefix .. "key")
for i = 3, #ARGV do
  local name = ARGV[i]
  if redis.call("EXISTS", prefix .. "document:" .. name) == 1 then
    return { credential, i - 3, name, redis.call("HGETALL", prefix .. "document:" .. name) }
  end
  if follow then
    local alias = redis.call("GET", prefix .. "alias:" .. name)
    local target = alias and string.match(alias, "^[^:]*:(.+)$")
    if target and redis.call("EXISTS", prefix .. "document:" .. target) == 1 then
      return { credential, i - 3, target, redis.call("HGETALL", prefix .. "document:" .. target) }
    end
  end
end
return { credential, -1, "", {} }
`;

/** ARGV: prefix, credential, document, timestamp, number of identifiers, their types and values, fields. Gives the place of the identifier that hit (-1: none) and the document, or nothing. */
export const WRITE = `
local prefix, document, timestamp, count = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call("GET", prefix .. "key") ~= ARGV[2] then
  return {}
end
local function is_document(name)
  return redis.call("EXISTS", prefix .. "document:" .. name) == 1
end
local function target_of(name)
  local alias = redis.call("GET", prefix .. "alias:" .. name)
  local target = alias and string.match(alias, "^[^:]*:(.+)$")
  return target and is_document(target) and target or nil
end
local canonical, hit = document, -1
for i = 0, count - 1 do
  local value = ARGV[7 + 2 * i]
  local found = is_document(value) and value or target_of(value)
  if found then
    canonical, hit = found, i
    break
  end
end
local key = prefix .. "document:" .. canonical
local old = redis.call("HMGET", key, "percentage", "progress", "device", "device_id", "timestamp")
if old[2] then
  local entry = { percentage = old[1] or "0", progress = old[2], device = old[3] or "", timestamp = old[5] or "0" }
  if old[4] then
    entry.device_id = old[4]
  end
  redis.call("LPUSH", prefix .. "history:" .. canonical, cjson.encode(entry))
  redis.call("LTRIM", prefix .. "history:" .. canonical, 0, ${HISTORY_LENGTH - 2})
end
redis.call("HSET", key, unpack(ARGV, 6 + 2 * count))
redis.call("ZADD", prefix .. "documents", timestamp, canonical)
for i = hit + 1, count - 1 do
  local value = ARGV[7 + 2 * i]
  if not is_document(value) and not target_of(value) then
    redis.call("SET", prefix .. "alias:" .. value, ARGV[6 + 2 * i] .. ":" .. canonical)
  end
end
return { hit, canonical }
`;

/** ARGV: prefix, current key, next key. */
export const REPLACE_CREDENTIAL = `
if redis.call("GET", ARGV[1] .. "key") ~= ARGV[2] then
  return 0
end
redis.call("SET", ARGV[1] .. "key", ARGV[3])
return 1
`;

/** ARGV: prefix, current key or nothing when there must be no account. Looks at every key, as the reference server does: only so is it one step. */
export const DELETE_USER = `
local prefix, current = ARGV[1], redis.call("GET", ARGV[1] .. "key")
if (current or nil) ~= ARGV[2] then
  return 0
end
local cursor, keys = "0", {}
repeat
  local page = redis.call("SCAN", cursor, "COUNT", 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if string.sub(key, 1, #prefix) == prefix then
      keys[#keys + 1] = key
    end
  end
until cursor == "0"
for _, key in ipairs(keys) do
  redis.call("DEL", key)
end
return 1
`;

/** ARGV: prefix, document. Its aliases lead nowhere from then on, and are made anew when they are needed. */
export const DELETE_DOCUMENT = `
local removed = redis.call("DEL", ARGV[1] .. "document:" .. ARGV[2])
redis.call("DEL", ARGV[1] .. "history:" .. ARGV[2])
redis.call("ZREM", ARGV[1] .. "documents", ARGV[2])
return removed
`;
