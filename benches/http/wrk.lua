-- One request, again and again: `wrk -s wrk.lua URL -- BODY_FILE`. Whatever is not 200 is counted by
-- wrk itself.
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = file:read("*a")
  file:close()
end
