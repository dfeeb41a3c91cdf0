-- Two hooks' work with the documents of the hook contract: what the host writes, the guest reads and
-- writes anew, and the host reads, once before the upstream and once after it.
local decode, encode = cjson.decode, cjson.encode

ngx.req.read_body()
local headers = ngx.req.get_headers()
local context = { request_id = ngx.var.request_id }
local request = {
    method = ngx.req.get_method(),
    path = ngx.var.uri,
    headers = headers,
    query = ngx.req.get_uri_args(),
    body = ngx.encode_base64(ngx.req.get_body_data() or ""),
}

-- http_pre_hook: in, changed, out.
local input = decode(encode({ context = context, request = request }))
input.request.headers["x-plugin"] = "json"
local output = decode(encode({
    context = input.context,
    request = input.request,
    has_response = false,
    error = "",
}))
request = output.request
for name, value in pairs(request.headers) do
    if headers[name] ~= value then
        ngx.req.set_header(name, value)
    end
end

local answer = ngx.location.capture("/up" .. request.path, {
    method = ngx.HTTP_POST,
    body = ngx.decode_base64(request.body),
})

-- http_post_hook: in, changed, out.
input = decode(encode({
    context = context,
    request = request,
    response = {
        status_code = answer.status,
        headers = answer.header,
        body = ngx.encode_base64(answer.body),
    },
}))
input.response.headers["x-plugin"] = "json"
output = decode(encode({ context = input.context, response = input.response, error = "" }))

local response = output.response
ngx.status = response.status_code
for name, value in pairs(response.headers) do
    ngx.header[name] = value
end
local body = ngx.decode_base64(response.body)
ngx.header["Content-Length"] = #body
ngx.print(body)
