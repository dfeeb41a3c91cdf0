-- Removes e-mail addresses from a request's body and from its answer's, as text: Envoy's Lua has no
-- JSON, so nothing is parsed, and an address is replaced wherever it stands.
local ADDRESS = "[%w._%%+'-]+@[%w-]+%.[%w.-]*%a[%w-]+"

local function redact(handle)
  local body = handle:body()
  if body == nil then
    return
  end
  local text = body:getBytes(0, body:length())
  if not text:find("@", 1, true) then
    return
  end
  local redacted, count = text:gsub(ADDRESS, "[redacted]")
  if count > 0 then
    local length = body:setBytes(redacted)
    handle:headers():replace("content-length", length)
  end
end

function envoy_on_request(handle)
  redact(handle)
end

function envoy_on_response(handle)
  redact(handle)
end
