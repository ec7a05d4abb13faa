import { HISTORY_LENGTH } from "../store.ts";

// Each runs as one step of Redis. ARGV[1] is the prefix `user:NAME:`, under which everything of an account lives, so that
// the reference server's own deletion of an account takes our additions (`history:*`, `documents`, `indexed`) with it.

/** `size_of` gives the bytes of a document with its history; `count` notes what a step has changed. */
const USAGE = `
local function size_of(prefix, name)
  local size = 0
  for _, text in ipairs(redis.call("HVALS", prefix .. "document:" .. name)) do
    size = size + #text
  end
  for _, text in ipairs(redis.call("LRANGE", prefix .. "history:" .. name, 0, -1)) do
    size = size + #text
  end
  return size
end
local function count(prefix, bytes)
  local usage = prefix .. "usage"
  if redis.call("HSETNX", usage, "changes", redis.call("TIME")[1]) == 0 then
    redis.call("HINCRBY", usage, "changes", 1)
  end
  redis.call("HINCRBY", usage, "bytes", bytes)
end
`;

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

/**
 * ARGV: prefix, credential, document, timestamp, the most documents, the most bytes, number of identifiers, of each its type,
 * its value and whether it may claim a record, then fields. Gives the place of the identifier that hit (-1: none) and the
 * document; only -2 when the account may keep no document more; nothing when the credential is another one.
 */
export const WRITE = `
${USAGE}
local prefix, document, timestamp = ARGV[1], ARGV[3], ARGV[4]
local max_documents, max_bytes, names = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call("GET", prefix .. "key") ~= ARGV[2] then
  return {}
end
local function type_of(i) return ARGV[8 + 3 * i] end
local function value_of(i) return ARGV[9 + 3 * i] end
local function may_claim(i) return ARGV[10 + 3 * i] == "1" end
local function is_document(name)
  return redis.call("EXISTS", prefix .. "document:" .. name) == 1
end
local function target_of(name)
  local alias = redis.call("GET", prefix .. "alias:" .. name)
  local target = alias and string.match(alias, "^[^:]*:(.+)$")
  return target and is_document(target) and target or nil
end
local canonical, hit = document, -1
for i = 0, names - 1 do
  local value = value_of(i)
  local found = may_claim(i) and (is_document(value) and value or target_of(value))
  if found then
    canonical, hit = found, i
    break
  end
end
local key, history = prefix .. "document:" .. canonical, prefix .. "history:" .. canonical
local is_full = tonumber(redis.call("HGET", prefix .. "usage", "bytes") or "0") >= max_bytes
local is_new = not is_document(canonical)
if is_new and (is_full or redis.call("ZCARD", prefix .. "documents") >= max_documents) then
  return { -2 }
end
local before = is_new and 0 or size_of(prefix, canonical)
local old = redis.call("HMGET", key, "percentage", "progress", "device", "device_id", "timestamp")
if old[2] and not is_full then
  local entry = { percentage = old[1] or "0", progress = old[2], device = old[3] or "", timestamp = old[5] or "0" }
  if old[4] then
    entry.device_id = old[4]
  end
  redis.call("LPUSH", history, cjson.encode(entry))
  redis.call("LTRIM", history, 0, ${HISTORY_LENGTH - 2})
end
redis.call("HSET", key, unpack(ARGV, 8 + 3 * names))
redis.call("ZADD", prefix .. "documents", timestamp, canonical)
for i = hit + 1, names - 1 do
  local value = value_of(i)
  if not is_document(value) and not target_of(value) then
    redis.call("SET", prefix .. "alias:" .. value, type_of(i) .. ":" .. canonical)
  end
end
count(prefix, size_of(prefix, canonical) - before)
return { hit, canonical }
`;

/** ARGV: prefix, document, timestamp, number of earlier positions, those, newest first, then fields. Replaces a document whole. */
export const PUT_DOCUMENT = `
${USAGE}
local prefix, name, length = ARGV[1], ARGV[2], tonumber(ARGV[4])
local before = size_of(prefix, name)
redis.call("DEL", prefix .. "document:" .. name, prefix .. "history:" .. name)
redis.call("HSET", prefix .. "document:" .. name, unpack(ARGV, 5 + length))
redis.call("ZADD", prefix .. "documents", ARGV[3], name)
if length > 0 then
  redis.call("RPUSH", prefix .. "history:" .. name, unpack(ARGV, 5, 4 + length))
end
count(prefix, size_of(prefix, name) - before)
return 1
`;

/** ARGV: prefix, current key, next key. */
export const REPLACE_CREDENTIAL = `
if redis.call("GET", ARGV[1] .. "key") ~= ARGV[2] then
  return 0
end
redis.call("SET", ARGV[1] .. "key", ARGV[3])
return 1
`;

/** ARGV: prefix, key. Gives 1 when the account is made, 0 when the name is taken, -1 while what an earlier account left is there. */
export const CREATE_USER = `
local prefix = ARGV[1]
if redis.call("EXISTS", prefix .. "key") == 1 then
  return 0
end
if redis.call("EXISTS", prefix .. "leaving") == 1 then
  return -1
end
redis.call("SET", prefix .. "key", ARGV[2])
return 1
`;

/** ARGV: prefix, current key or nothing when there must be no account. From then on there is none, and nobody takes its name. */
export const LEAVE = `
local prefix, current = ARGV[1], redis.call("GET", ARGV[1] .. "key")
if (current or nil) ~= ARGV[2] then
  return 0
end
if current then
  -- A Redis without room takes no new key, and has to let go of an account all the same.
  redis.call("RENAME", prefix .. "key", prefix .. "leaving")
else
  redis.pcall("SET", prefix .. "leaving", "")
end
return 1
`;

/** ARGV: prefix, keys that were its account's. Gives 0, and leaves them, when there is an account of that name again. */
export const FORGET = `
if redis.call("EXISTS", ARGV[1] .. "key") == 1 then
  return 0
end
for i = 2, #ARGV do
  redis.call("UNLINK", ARGV[i])
end
return 1
`;

/** ARGV: prefix, document. Its aliases lead nowhere from then on, and are made anew when they are needed. */
export const DELETE_DOCUMENT = `
${USAGE}
local before = size_of(ARGV[1], ARGV[2])
local removed = redis.call("DEL", ARGV[1] .. "document:" .. ARGV[2])
redis.call("DEL", ARGV[1] .. "history:" .. ARGV[2])
redis.call("ZREM", ARGV[1] .. "documents", ARGV[2])
if removed == 1 then
  count(ARGV[1], -before)
end
return removed
`;
