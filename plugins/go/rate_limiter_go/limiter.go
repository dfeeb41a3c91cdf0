// A hook plugin that gives each client so many requests in a minute.
//
// The counts are kept by key with the host, so all instances of the plugin count together, and a restart
// forgets nothing.
package main

import (
	"errors"
	"strconv"
	"strings"

	plugbay "github.com/plugbay/plugbay/sdk/go"
	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

var (
	perMinute    uint64 = 60
	clientHeader        = "x-client-id"
)

func init() {
	hooks.Name("rate_limiter_go")
	config.Handle(configure)
	httpprehook.Handle(limit)
}

func configure(fields *config.Fields) error {
	perMinute = fields.Uint("per_minute", 60)
	clientHeader = fields.Text("client_header", "x-client-id")
	fields.NoOthers()
	if perMinute == 0 {
		return errors.New("config.per_minute: nobody could ever ask")
	}
	return nil
}

func limit(call *httpprehook.Call) error {
	seconds := plugbay.Now().Unix()
	client, named := call.Request.Header(clientHeader)
	if !named {
		client = "anonymous"
	}
	count, err := count(client, seconds/60)
	if err != nil {
		return err
	}
	call.Context.Set("requests_this_minute", json.Uint(count))
	if count <= perMinute {
		return nil
	}
	message := strconv.FormatUint(perMinute, 10) + " requests in a minute are enough"
	body := json.NewObject().Set("error", json.NewObject().
		Set("message", json.Text(message)).Set("type", json.Text("rate_limit_error")))
	call.Response = hooks.NewResponse(429).
		SetHeader("content-type", "application/json").
		SetHeader("retry-after", strconv.FormatInt(60-seconds%60, 10)).
		SetBody(body.Write())
	return nil
}

// count counts one more request of a client in this minute, and says how many there were. What is kept is
// "minute count", so there is one key for each client.
func count(client string, minute int64) (uint64, error) {
	// Keys have 1,024 bytes at most.
	letters := 0
	for at := range client {
		if letters == 200 {
			client = client[:at]
			break
		}
		letters++
	}
	key := []byte("count/" + client)
	before, err := plugbay.KVGet(key)
	for err == nil {
		count := kept(string(before), minute) + 1
		value := strconv.FormatInt(minute, 10) + " " + strconv.FormatUint(count, 10)
		var done bool
		// Where another instance was faster, its value is the one to count from.
		if done, before, err = plugbay.KVSwap(key, before, []byte(value)); done {
			return count, err
		}
	}
	return 0, err
}

// kept is the count that is kept, if it is of this minute.
func kept(value string, minute int64) uint64 {
	of, text, _ := strings.Cut(value, " ")
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || of != strconv.FormatInt(minute, 10) {
		return 0
	}
	return number
}

// main is never called: the module is a library.
func main() {}
